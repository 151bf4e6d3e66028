"""The GraphQL documents of the end-to-end tests."""

VIEWER = "{ viewer { username } }"
WORKSTATION_CREATE = """
mutation($title: String!, $isPublic: Boolean! = true) {
  workstationCreate(input: {title: $title, description: "For a test.", isPublic: $isPublic}) {
    workstation { id slug } errors { code message }
  }
}"""
UPLOAD_CREATE = """
mutation($filename: String!) {
  uploadCreate(filename: $filename) { upload { id state } url errors { code message } }
}"""
IMAGE_CREATE = """
mutation($input: ImageCreateInput!) {
  imageCreate(input: $input) { image { id state } errors { code message path } }
}"""
IMAGE_UPDATED = "subscription($id: ID!) { imageUpdated(id: $id) { state reason digest } }"
ACTIVE_IMAGE = "query($id: ID!) { node(id: $id) { ... on Workstation { activeImage { id } } } }"
UPLOAD = "query($id: ID!) { node(id: $id) { ... on Upload { state } } }"
LAUNCH = """
mutation($workstation: ID!, $input: SessionLaunchInput) {
  sessionLaunch(workstationId: $workstation, input: $input) {
    isNew session { id state hostname workstationUrl } errors { code message path }
  }
}"""
SESSION_FIELDS = "id state queuePosition reason reasonCode exitCode logs workstationUrl"
SESSION_UPDATED = f"subscription($id: ID!) {{ sessionUpdated(id: $id) {{ {SESSION_FIELDS} }} }}"
MY_SESSIONS = "subscription { mySessions { id state } }"
SESSION = f"query($id: ID!) {{ node(id: $id) {{ id ... on Session {{ {SESSION_FIELDS} }} }} }}"
SESSIONS = "{ sessions { totalCount nodes { id } } }"
OPEN = "mutation($id: ID!) { sessionOpen(id: $id) { url errors { code message } } }"
STOP = "mutation($id: ID!) { sessionStop(id: $id) { session { state } errors { code message } } }"
DATASESSION_CREATE = """
mutation($files: JSON!) {
  datasessionCreate(input: {name: "M13", inputData: $files}) { datasession { id } errors { message } }
}"""
OPERATION_CREATE = """
mutation($session: ID!, $files: [JSON!]!) {
  operationCreate(datasessionId: $session, input: {name: "Median", inputs: {input_files: $files}}) {
    operation { id } errors { message }
  }
}"""
OPERATION_UPDATED = """
subscription($id: ID!) {
  operationUpdated(id: $id) { state message datasession { id } result { files { sizeBytes } } }
}"""
DATASESSIONS = """
{ datasessions { nodes { id name operations(first: 5) { nodes { name state result { files { url } } } } } } }
"""
