"""The service: an OpenAI-compatible front of one answer pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from access import Access, log, respond
from fastapi import FastAPI, Request
from protocol import ApiError
from runtime.digest import file_digest, source_digest
from runtime.pipeline import Pipeline
from service import Service
from settings import Settings
from starlette.exceptions import HTTPException
from starlette.responses import Response
from transformers.utils import logging as transformers_logging


def digests_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the runtime's source, the manifest, the prompt and each weight file."""
    manifest = json.loads((folder / "pipeline.json").read_text(encoding="utf-8"))
    files = {"pipeline": folder / "pipeline.json", "prompt": folder / manifest["prompt"]}
    weights = sorted((folder / manifest["model"]).glob("*.safetensors"))
    files |= {f"model_{place}" if place else "model": path for place, path in enumerate(weights)}
    return {"runtime": source_digest(), **{name: file_digest(path) for name, path in files.items()}}


def create_app(folder: Path, settings: Settings) -> FastAPI:
    """Return the application of a folder that holds pipeline.json; the model is loaded and has answered once."""
    transformers_logging.disable_progress_bar()
    pipeline = Pipeline.load(folder, threads=settings.threads, device=settings.device)  # type: ignore[arg-type]
    pipeline.answer({str(pipeline.manifest["input"]): "warm up"})
    service = Service(pipeline, settings, digests_of(folder))
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.service = service
    app.add_middleware(Access, settings=settings)
    app.add_api_route("/v1/chat/completions", service.chat, methods=["POST"], response_model=None)
    routes: dict[str, Any] = {
        "/v1/models": service.models,
        "/v1/models/{name:path}": service.model,
        "/livez": service.live,
        "/readyz": service.ready,
        "/health": service.ready,
        "/version": service.version,
        "/metrics": service.numbers,
    }
    for path, handler in routes.items():
        app.add_api_route(path, handler, methods=["GET"], response_model=None)
    for kind in (ApiError, HTTPException, Exception):
        app.add_exception_handler(kind, on_error)
    return app


async def on_error(request: Request, fault: Exception) -> Response:
    """Return any exception as an error in OpenAI's form; only an `ApiError` tells what happened."""
    if isinstance(fault, ApiError):
        return respond(fault)
    if isinstance(fault, HTTPException) and fault.status_code < 500:
        message = "There is nothing here for this method and path."
        return respond(ApiError(fault.status_code, message, code="not_found", headers=fault.headers))
    log("error", error=type(fault).__name__)
    return respond(ApiError(500, "The service failed.", code="internal_error"))
