"""Uploads in the OpenAPI document. Their protocol, tus 1.0, lives in headers: it is described by hand."""

from typing import Any

_ERROR = {"$ref": "#/components/schemas/ErrorOutput"}
_SESSION_ERRORS = {
    status: {"description": "", "content": {"application/json": {"schema": _ERROR}}}
    for status in ("400", "401", "403", "404", "429", "503")
}
_TUS_ERRORS = _SESSION_ERRORS | {
    "409": {
        "description": "The offset is another one, or the session has ended.",
        "content": {"application/json": {"schema": _ERROR}},
    },
    "412": {"description": "`Tus-Resumable` is not 1.0.0.", "content": {"application/json": {"schema": _ERROR}}},
    "413": {"description": "More bytes than are taken.", "content": {"application/json": {"schema": _ERROR}}},
}


def _header(name: str, description: str, *, kind: str = "string") -> dict[str, Any]:
    return {
        "in": "header",
        "name": name,
        "required": True,
        "schema": {"type": kind},
        "description": description,
    }


_ID = {"in": "path", "name": "upload_id", "required": True, "schema": {"type": "string", "format": "uuid"}}
_RESUMABLE = _header("Tus-Resumable", "`1.0.0`")
_OFFSET = {"Upload-Offset": {"schema": {"type": "integer"}, "description": "How much has arrived."}}
_LOCATION = {"Location": {"schema": {"type": "string"}}}
_SECURITY: list[dict[str, list[str]]] = [{"apiKey": []}, {"browser": []}]
_COMMON = {"tags": ["Uploads"], "security": _SECURITY}
_READ = _COMMON | {"x-scopes": ["read", "evaluate"]}
_RUN = _COMMON | {"x-scopes": ["evaluate"]}

PATHS: dict[str, Any] = {
    "/api/v1/uploads": {
        "get": _READ
        | {
            "operationId": "upload_list_get",
            "summary": "Your uploads that are on their way",
            "description": "Of one session, or of all.",
            "parameters": [
                {"in": "query", "name": "session", "schema": {"type": "string", "format": "uuid"}},
            ],
            "responses": {
                "200": {
                    "description": "",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/UploadPageOutput"}}},
                },
                **_SESSION_ERRORS,
            },
        },
        "post": _RUN
        | {
            "operationId": "upload_list_post",
            "summary": "Begin an upload",
            "description": "tus 1.0, creation. The bytes follow by PATCH to the address in `Location`.",
            "parameters": [
                _RESUMABLE,
                _header("Upload-Length", "The size of the file in bytes.", kind="integer"),
                _header(
                    "Upload-Metadata",
                    "`session`, `side` (A or B), `kind` (a camera, or `trajectory`), `filename`, each in base64.",
                ),
            ],
            "responses": {"201": {"description": "Begun.", "headers": _LOCATION}, **_TUS_ERRORS},
        },
    },
    "/api/v1/uploads/{upload_id}": {
        "head": _RUN
        | {
            "operationId": "upload_head",
            "summary": "How much of an upload has arrived",
            "parameters": [_ID, _RESUMABLE],
            "responses": {"200": {"description": "", "headers": _OFFSET}, "404": {"description": "Not there."}},
        },
        "patch": _RUN
        | {
            "operationId": "upload_patch",
            "summary": "Send a piece of an upload",
            "parameters": [
                _ID,
                _RESUMABLE,
                _header("Upload-Offset", "Where the piece begins: what HEAD has told.", kind="integer"),
            ],
            "requestBody": {
                "required": True,
                "content": {"application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            },
            "responses": {"204": {"description": "Arrived.", "headers": _OFFSET}, **_TUS_ERRORS},
        },
        "delete": _RUN
        | {
            "operationId": "upload_delete",
            "summary": "Cancel an upload",
            "parameters": [_ID, _RESUMABLE],
            "responses": {"204": {"description": "Cancelled."}, **_TUS_ERRORS},
        },
    },
}
_UPLOAD_PAGE = {
    "type": "object",
    "required": ["count", "next", "previous", "results"],
    "properties": {
        "count": {"type": "integer"},
        "next": {"type": "string", "nullable": True},
        "previous": {"type": "string", "nullable": True},
        "results": {"type": "array", "items": {"$ref": "#/components/schemas/UploadOutput"}},
    },
}


def with_uploads(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of the document's generator."""
    result["paths"] = dict(sorted((result["paths"] | PATHS).items()))
    schemas = result["components"]["schemas"] | {"UploadPageOutput": _UPLOAD_PAGE}
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result
