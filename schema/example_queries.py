"""The walk through the main job, as the queries that GraphiQL opens with; the README and the tests use the same."""

from schema.transport.graphiql import Tab

WHO = """
query Who {
  viewer { username kind }
  workstations { nodes { id title slug activeImage { id state httpPort websocketPort sizeBytes } } }
}
"""
LAUNCH = """
mutation Launch($workstation: ID!) {
  sessionLaunch(workstationId: $workstation) {
    isNew
    session { id state queuePosition expiresAt workstationUrl }
    errors { code message path }
  }
}
"""
FOLLOW = """
subscription Follow($session: ID!) {
  sessionUpdated(id: $session) { state reason exitCode workstationUrl expiresAt }
}
"""
MINE = """
subscription Mine {
  mySessions { id state workstationUrl expiresAt reason }
}
"""
KEEP_ALIVE = """
mutation KeepAlive($session: ID!) {
  sessionKeepAlive(id: $session, seconds: 7200) {
    session { expiresAt maximumSeconds lastActiveAt } errors { code message }
  }
}
"""
STOP = """
mutation Stop($session: ID!) {
  sessionStop(id: $session) { session { id state } errors { code message } }
}
"""
HISTORY = """
query History($session: ID) {
  history(of: $session, first: 20) {
    totalCount
    nodes { at action fromState toState cause actorKind actor { username } }
  }
}
"""
UPLOAD = """
mutation Upload {
  uploadCreate(filename: "workstation.tar.gz") { upload { id state } url errors { code message } }
}
"""
IMPORT = """
mutation Import($workstation: ID!, $upload: ID!) {
  imageCreate(input: {workstationId: $workstation, uploadId: $upload, httpPort: 8080, websocketPort: 4114}) {
    image { id state } errors { code message path }
  }
}
"""
REGIONS = """
query Regions {
  regions { name capacity isActive pingUrl }
}
"""
LOGO = """
mutation Logo($workstation: ID!, $upload: ID!) {
  workstationLogoSet(id: $workstation, uploadId: $upload) {
    workstation { version logo { width height url(size: SMALL) } } errors { code message path }
  }
}
"""
CONFIGURE = """
mutation Configure($workstation: ID!, $configuration: JSON!) {
  workstationUpdate(id: $workstation, input: {configuration: $configuration}) {
    workstation { version configuration } errors { code message path }
  }
}
"""
CREATE = """
mutation Create {
  workstationCreate(input: {title: "My workstation", isPublic: true}) {
    workstation { id slug } errors { code message }
  }
}
"""
DATA = """
query Data {
  datasessions(first: 5) {
    nodes {
      id name canEdit inputData
      operations(first: 10) {
        nodes {
          id name state message warnings output
          outputs { basename files { name kind url } }
        }
      }
    }
  }
}
"""
COMPUTE = """
mutation Compute($session: ID!, $files: [JSON!]!) {
  operationCreate(datasessionId: $session, input: {name: "Median", inputs: {input_files: $files}}) {
    operation { id state codeVersion inputs }
    errors { code message path }
  }
}
"""
COMPUTED = """
subscription Computed($operation: ID!) {
  operationUpdated(id: $operation) {
    state phase fraction message estimatedBytes estimatedSeconds
    result { id key files { name kind contentType sizeBytes url } }
  }
}
"""
LINKS = """
mutation Links($result: ID!) {
  resultOpen(id: $result) { links { name url expiresAt } errors { code message } }
}
"""
WIZARD = """
query Wizard {
  availableOperations { name description version inputs { key name type isRequired minimum maximum options } }
}
"""
SCRIPT = """
query Script($session: ID!) {
  datasessionScript(id: $session)
}
"""

TABS = (
    Tab("Who am I, and what can I launch?", WHO),
    Tab("Launch a session; take the id from the first tab", LAUNCH, {"workstation": ""}),
    Tab("Follow my sessions live", MINE),
    Tab("Follow one session until it ends", FOLLOW, {"session": ""}),
    Tab("Let a session live for two more hours", KEEP_ALIVE, {"session": ""}),
    Tab("Stop a session", STOP, {"session": ""}),
    Tab("What happened", HISTORY, {"session": None}),
    Tab("Where sessions run, and how far that is", REGIONS),
    Tab("Make a workstation", CREATE),
    Tab("Announce an upload, then PUT the archive to its url", UPLOAD),
    Tab("Import the upload as an image", IMPORT, {"workstation": "", "upload": ""}),
    Tab("Let an uploaded picture be a workstation's logo", LOGO, {"workstation": "", "upload": ""}),
    Tab("Configure what a workstation's containers are told", CONFIGURE, {"workstation": "", "configuration": {}}),
    Tab("My data sessions, with operations and their pictures", DATA),
    Tab("Compute a median; take session and files from the tab before", COMPUTE, {"session": "", "files": []}),
    Tab("Follow an operation until it ends", COMPUTED, {"operation": ""}),
    Tab("Links to the files of a result, for ten minutes", LINKS, {"result": ""}),
    Tab("Which operations are there?", WIZARD),
    Tab("A data session as a Python script", SCRIPT, {"session": ""}),
)
