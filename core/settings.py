"""The one place where configuration is read: once, at start, from the environment."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import BadInput


class Settings(BaseSettings):
    """Everything an operator can set; each field's variable is `CARREL_` and its name unless another is given."""

    model_config = SettingsConfigDict(env_prefix="CARREL_", frozen=True, extra="ignore", populate_by_name=True)

    data_dir: Annotated[Path, AfterValidator(Path.absolute)] = Field(
        Path(".carrel"), validate_default=True, description="Folder of everything that is kept on this machine."
    )
    database_url: str | None = Field(
        None,
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="PostgreSQL address; empty means SQLite in the data folder.",
    )
    redis_url: str | None = Field(
        None,
        validation_alias=AliasChoices("REDIS_URL", "redis_url"),
        description="Redis address; empty means a private server started by `carrel up`.",
    )
    docker_host: str | None = Field(
        None,
        validation_alias=AliasChoices("DOCKER_HOST", "docker_host"),
        description="Container engine of the first region; empty means the usual sockets, then an own engine.",
    )
    storage_url: str | None = Field(None, description="`s3://bucket/prefix`; empty means a folder in the data folder.")
    secret_key: SecretStr | None = Field(
        None, description="Signs cookies and upload addresses; empty means a key kept in the data folder."
    )
    api_url: str = Field("http://127.0.0.1:8080", description="Address at which browsers reach the API.")
    sessions_url: str = Field(
        "http://sessions.localhost:8081",
        description="Address of the proxy; each session is served at one label below its host.",
    )
    bind_host: str = Field("127.0.0.1", description="Address on which the API and the proxy listen.")
    health_port: int = Field(8082, ge=0, le=65535, description="Port of the proxy's own health page; 0 turns it off.")
    region: str = Field("local", max_length=32, description="Region that this worker serves.")
    region_capacity: int = Field(8, ge=1, le=10_000, description="Sessions at once in the first region.")
    region_ping_url: str = Field(
        "",
        max_length=255,
        description="Address that browsers time to find the nearest region; empty means the proxy's.",
    )
    instance: str = Field(
        "carrel", pattern=r"^[a-z0-9][a-z0-9-]{0,30}$", description="Prefix of container names; one per installation."
    )
    session_seconds: int = Field(3600, ge=60, le=604_800, description="How long a session lives unless told otherwise.")
    session_seconds_limit: int = Field(86_400, ge=60, le=604_800, description="The longest life a session may have.")
    session_idle_seconds: int = Field(
        0, ge=0, le=604_800, description="A session in which nobody works for so long is ended; 0 means never."
    )
    session_memory_mib: int = Field(2048, ge=64, description="Memory limit of a session's container, in MiB.")
    session_cpus: float = Field(1.0, gt=0, description="Processor limit of a session's container, in cores.")
    session_pids: int = Field(256, ge=16, description="Process limit of a session's container.")
    session_start_seconds: float = Field(
        60, ge=1, le=3600, description="A session that does not answer within this time has failed."
    )
    stop_grace_seconds: float = Field(5, ge=0, le=120, description="Time a container has to end by itself.")
    lease_seconds: float = Field(45, ge=1, description="How long a worker owns a row that it works on.")
    job_seconds: float = Field(30, ge=1, description="Time limit of one job; must be below the lease.")
    import_seconds: float = Field(900, ge=10, description="Time limit of one image import.")
    sweep_seconds: float = Field(60, ge=0.2, description="How often the sweep looks for rows that should move.")
    bells: dict[str, str] = Field(
        {},
        description="Functions to wake, as JSON by sort of queue: `https://…`, or `sqs+https://…`; none means workers.",
    )
    bell_secret: SecretStr | None = Field(None, description="Signs wake-ups of functions by HTTP; both sides know it.")
    call_seconds: float = Field(
        60, ge=1, description="Time that a function has for one call, where its host does not tell it."
    )
    upload_bytes_limit: int = Field(20 * 1024**3, ge=1024, description="The largest upload, in bytes.")
    archive_url: str | None = Field(
        None, pattern="^https?://", description="Frame archive that data sessions read; empty means there is none."
    )
    archive_seconds: float = Field(120, ge=1, description="How long a frame archive is asked again before giving up.")
    data_prefixes: str = Field(
        "",
        description="Where data sessions may read files by URL: `s3://BUCKET/PREFIX` or `file:///FOLDER`, with spaces.",
    )
    data_endpoint: str | None = Field(None, description="S3 endpoint of these prefixes; empty means the usual one.")
    frame_bytes_limit: int = Field(
        8 * 1024**3, ge=1024, description="The largest file an operation may read, in bytes."
    )
    frame_cache_bytes: int = Field(
        20 * 1024**3, ge=1024, description="Size of a worker's cache of files that operations read, in bytes."
    )
    data_processes: int = Field(2, ge=1, le=256, description="Data operations that a worker computes at once.")
    data_operations_per_user: int = Field(
        500, ge=1, description="Data operations of one user that wait or run at once."
    )
    data_memory_mib: int = Field(4096, ge=128, description="Memory limit of one data operation, in MiB.")
    data_seconds: float = Field(3600, ge=1, description="Time limit of one data operation.")
    data_result_days: float = Field(
        30, gt=0, description="Results of data operations expire after this many days; they can be computed again."
    )
    sign_in_attempts: int = Field(5, ge=1, description="Wrong passwords in a row before an account is locked.")
    sign_in_lock_seconds: int = Field(900, ge=1, description="How long an account stays locked.")
    requests_per_minute: int = Field(
        1200, ge=0, description="Operations that one user, or one address without a name, may ask for; 0 means any."
    )
    points_per_minute: int = Field(
        120_000, ge=1, description="Points that their operations may cost together; `extensions.cost` tells them."
    )
    metrics_public: bool = Field(
        False, description="Whether the API's `/metrics` answers everybody, and not only operators' tokens."
    )
    browser_hours: int = Field(12, ge=1, description="How long a browser stays signed in.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="How much is logged.")

    @property
    def lease(self) -> timedelta:
        """How long a worker owns a row that it works on."""
        return timedelta(seconds=self.lease_seconds)

    @property
    def sessions_domain(self) -> str:
        """The domain below which every session has one label."""
        return urlsplit(self.sessions_url).hostname or "sessions.localhost"

    @property
    def ping_url(self) -> str:
        """Where the proxy answers whoever measures how far away it is."""
        return f"{self.sessions_url.rstrip('/')}/.carrel/ping"

    def session_address(self, label: str) -> str:
        """Return the origin of the session with this label, without a trailing slash."""
        parts = urlsplit(self.sessions_url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{label}.{parts.hostname}{port}"


def load(**overrides: object) -> Settings:
    """Read the settings; every mistake is listed at once, each with its variable."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise BadInput("; ".join(_mistake(fault["loc"], fault["msg"]) for fault in error.errors())) from error


def variable(field: str) -> str:
    """Return the environment variable of a field."""
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"CARREL_{field.upper()}"


def _mistake(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]) if location else ""
    known = variable(name) if name in Settings.model_fields else name
    return f"{known}: {message}"
