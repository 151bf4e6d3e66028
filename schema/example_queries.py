"""Example queries for the main workflow: the tabs that GraphiQL opens with. The docs and tests use them too."""

from schema.transport.graphiql import ExplorerTab

VIEWER = """
query Viewer {
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
SESSION_UPDATED = """
subscription SessionUpdated($session: ID!) {
  sessionUpdated(id: $session) { state reason exitCode workstationUrl expiresAt }
}
"""
MY_SESSIONS = """
subscription MySessions {
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
DATASESSIONS = """
query Datasessions {
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
OPERATION_UPDATED = """
subscription OperationUpdated($operation: ID!) {
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
AVAILABLE_OPERATIONS = """
query AvailableOperations {
  availableOperations { name description version inputs { key name type isRequired minimum maximum options } }
}
"""
SCRIPT = """
query Script($session: ID!) {
  datasessionScript(id: $session)
}
"""

TABS = (
    ExplorerTab("Show my account and the workstations I can launch", VIEWER),
    ExplorerTab("Launch a session; take the ID from the first tab", LAUNCH, {"workstation": ""}),
    ExplorerTab("Watch my sessions", MY_SESSIONS),
    ExplorerTab("Watch one session until it ends", SESSION_UPDATED, {"session": ""}),
    ExplorerTab("Extend a session to two hours from now", KEEP_ALIVE, {"session": ""}),
    ExplorerTab("Stop a session", STOP, {"session": ""}),
    ExplorerTab("Show the history", HISTORY, {"session": None}),
    ExplorerTab("List regions with their ping URLs", REGIONS),
    ExplorerTab("Create a workstation", CREATE),
    ExplorerTab("Create an upload, then PUT the archive to its URL", UPLOAD),
    ExplorerTab("Import the upload as an image", IMPORT, {"workstation": "", "upload": ""}),
    ExplorerTab("Set the logo of a workstation", LOGO, {"workstation": "", "upload": ""}),
    ExplorerTab("Configure the containers of a workstation", CONFIGURE, {"workstation": "", "configuration": {}}),
    ExplorerTab("List my data sessions with operations and images", DATASESSIONS),
    ExplorerTab(
        "Compute a median; take session and files from the previous tab", COMPUTE, {"session": "", "files": []}
    ),
    ExplorerTab("Watch an operation until it ends", OPERATION_UPDATED, {"operation": ""}),
    ExplorerTab("Create links to the files of a result", LINKS, {"result": ""}),
    ExplorerTab("List the available operations", AVAILABLE_OPERATIONS),
    ExplorerTab("Export a data session as a Python script", SCRIPT, {"session": ""}),
)
