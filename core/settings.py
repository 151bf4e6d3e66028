"""The settings, read once at start from the environment; nothing else reads environment variables for configuration."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import BadInput


class Settings(BaseSettings):
    """Everything an operator can set. A field's variable is `CARREL_` and its name unless it has an alias."""

    model_config = SettingsConfigDict(env_prefix="CARREL_", frozen=True, extra="ignore", populate_by_name=True)

    data_dir: Annotated[Path, AfterValidator(Path.absolute)] = Field(
        Path(".carrel"), validate_default=True, description="Folder for all data on this machine."
    )
    database_url: str | None = Field(
        None,
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="PostgreSQL URL; empty means SQLite in the data folder.",
    )
    redis_url: str | None = Field(
        None,
        validation_alias=AliasChoices("REDIS_URL", "redis_url"),
        description="Redis URL; empty means a private server started by `carrel up`.",
    )
    docker_host: str | None = Field(
        None,
        validation_alias=AliasChoices("DOCKER_HOST", "docker_host"),
        description="Container engine of the first region; empty means the default sockets, then a private engine.",
    )
    storage_url: str | None = Field(None, description="`s3://bucket/prefix`; empty means a folder in the data folder.")
    secret_key: SecretStr | None = Field(
        None,
        description="Signs links to uploads and results and encrypts source tokens; empty means a key in the folder.",
    )
    api_url: str = Field("http://127.0.0.1:8080", description="URL at which browsers reach the API.")
    sessions_url: str = Field(
        "http://sessions.localhost:8081",
        description="URL of the proxy; each session is served at one label below its host.",
    )
    bind_host: str = Field("127.0.0.1", description="Address on which the API and the proxy listen.")
    health_port: int = Field(8082, ge=0, le=65535, description="Port of the proxy's health page; 0 turns it off.")
    region: str = Field("local", max_length=32, description="Region of this worker.")
    region_capacity: int = Field(8, ge=1, le=10_000, description="Maximum concurrent sessions in the first region.")
    region_ping_url: str = Field(
        "",
        max_length=255,
        description="URL that browsers request to find the nearest region; empty means the proxy's.",
    )
    instance: str = Field(
        "carrel", pattern=r"^[a-z0-9][a-z0-9-]{0,30}$", description="Prefix of container names; one per installation."
    )
    session_seconds: int = Field(3600, ge=60, le=604_800, description="Default lifetime of a session.")
    session_seconds_limit: int = Field(86_400, ge=60, le=604_800, description="Maximum lifetime of a session.")
    session_idle_seconds: int = Field(
        0, ge=0, le=604_800, description="A session without activity for this time is stopped; 0 means never."
    )
    session_memory_mib: int = Field(2048, ge=64, description="Memory limit of a session's container, in MiB.")
    session_cpus: float = Field(1.0, gt=0, description="Processor limit of a session's container, in cores.")
    session_pids: int = Field(256, ge=16, description="Process limit of a session's container.")
    session_start_seconds: float = Field(
        60, ge=1, le=3600, description="A session that does not answer within this time fails."
    )
    stop_grace_seconds: float = Field(5, ge=0, le=120, description="Time for a container to exit before it is killed.")
    lease_seconds: float = Field(45, ge=1, description="How long a worker owns a claimed row.")
    job_seconds: float = Field(30, ge=1, description="Time limit of one job; must be below the lease.")
    import_seconds: float = Field(900, ge=10, description="Time limit of one image import.")
    sweep_seconds: float = Field(60, ge=0.2, description="How often the sweep looks for rows that need a job.")
    function_urls: dict[str, str] = Field(
        {},
        description="Functions to wake, as JSON by queue: `https://…` or `sqs+https://…`; empty means workers only.",
    )
    function_secret: SecretStr | None = Field(
        None, description="Signs wake-ups over HTTP; the API and the functions share it."
    )
    function_timeout_seconds: float = Field(
        60, ge=1, description="Time limit of one function call, where the host does not report it."
    )
    upload_bytes_limit: int = Field(20 * 1024**3, ge=1024, description="Maximum size of an upload, in bytes.")
    archive_url: str | None = Field(
        None, pattern="^https?://", description="Frame archive that data sessions read; empty means none."
    )
    archive_seconds: float = Field(120, ge=1, description="How long requests to a frame archive are retried.")
    data_prefixes: str = Field(
        "",
        description="Prefixes that data sessions may read: `s3://BUCKET/PREFIX` or `file:///FOLDER`, space-separated.",
    )
    data_endpoint: str | None = Field(
        None, description="S3 endpoint of these prefixes; empty means the default of AWS."
    )
    frame_bytes_limit: int = Field(
        8 * 1024**3, ge=1024, description="Maximum size of a file that an operation reads, in bytes."
    )
    frame_cache_bytes: int = Field(
        20 * 1024**3, ge=1024, description="Size of a worker's cache of files that operations read, in bytes."
    )
    data_processes: int = Field(2, ge=1, le=256, description="Data operations that a worker runs in parallel.")
    data_operations_per_user: int = Field(
        500, ge=1, description="Maximum queued and running data operations of one user."
    )
    data_memory_mib: int = Field(4096, ge=128, description="Memory limit of one data operation, in MiB.")
    data_seconds: float = Field(3600, ge=1, description="Time limit of one data operation.")
    data_result_days: float = Field(
        30, gt=0, description="Results of data operations expire after this many days; they can be computed again."
    )
    sign_in_attempts: int = Field(5, ge=1, description="Wrong passwords in a row before an account is locked.")
    sign_in_lock_seconds: int = Field(900, ge=1, description="How long an account stays locked.")
    requests_per_minute: int = Field(
        1200, ge=0, description="GraphQL operations of one user, or of one anonymous address; 0 means no limit."
    )
    points_per_minute: int = Field(
        120_000, ge=1, description="Maximum total cost of these operations in points; `extensions.cost` reports it."
    )
    metrics_public: bool = Field(
        False, description="Whether the API's `/metrics` is public; otherwise it requires an operator's token."
    )
    browser_hours: int = Field(12, ge=1, description="How long a browser stays signed in.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Log level.")

    @property
    def sessions_domain(self) -> str:
        """The domain under which every session has one label."""
        return urlsplit(self.sessions_url).hostname or "sessions.localhost"

    @property
    def ping_url(self) -> str:
        """The URL at which the proxy answers latency measurements."""
        return f"{self.sessions_url.rstrip('/')}/.carrel/ping"

    def session_address(self, label: str) -> str:
        """Return the origin of the session with this label, without a trailing slash."""
        parts = urlsplit(self.sessions_url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{label}.{parts.hostname}{port}"


def load(**overrides: object) -> Settings:
    """Read the settings; BadInput lists all invalid variables at once."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise BadInput(
            "; ".join(_validation_sentence(fault["loc"], fault["msg"]) for fault in error.errors())
        ) from error


def variable(field: str) -> str:
    """Return the environment variable of a field."""
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"CARREL_{field.upper()}"


def _validation_sentence(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]) if location else ""
    setting = variable(name) if name in Settings.model_fields else name
    return f"{setting}: {message}"
