"""The state of one connection to an editor: open texts, places as the client counts them, diagnostics. Needs pygls."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlparse

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

import lcspec.diag
from lcspec import __version__, api
from lcspec.compile.known import Known
from lcspec.diag.codes import TITLES
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.editor.documents import Documents, open_documents
from lcspec.editor.positions import Encoding, Lines
from lcspec.ir.source import SourceFile, Span
from lcspec.ir.spec import Spec
from lcspec.local import Local
from lcspec.project import Project, read_source
from lcspec.run.store import Store


@dataclass
class _Open:
    """An open text, and what the last check of it said."""

    uri: str
    path: Path
    source: SourceFile
    version: int | None
    loaded: api.Loaded | None = None
    pending: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What the last check found; empty when the text has moved on since."""
        return self.loaded.diagnostics if self.loaded and self.loaded.source.text == self.source.text else []


class Server(LanguageServer):
    """The state of one connection."""

    def __init__(self) -> None:
        super().__init__("lcspec", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full)
        self.texts: dict[str, _Open] = {}

    @property
    def encoding(self) -> Encoding:
        """How the client counts characters."""
        said = str(getattr(self.workspace.position_encoding, "value", self.workspace.position_encoding))
        return said if said in ("utf-8", "utf-32") else "utf-16"  # type: ignore[return-value]

    # --- texts -------------------------------------------------------------------------------------------------------

    def put(self, uri: str, text: str, version: int | None) -> _Open:
        """Notes the text of a document."""
        path = Path(to_fs_path(uri) or Path(unquote(urlparse(uri).path)).name or "untitled.yaml")
        known = self.texts.get(uri)
        made = _Open(uri, path, SourceFile(str(path), text), version, known.loaded if known else None)
        made.pending = known.pending if known else None
        self.texts[uri] = made
        return made

    def documents(self, uri: str, cursor: int | None = None) -> Documents:
        """The open text and its bases; texts that are open themselves are taken from the editor."""
        here, read = self.at(uri), self.reader()
        return open_documents(here.source, lambda name: read(here.path.parent / name), cursor=cursor)

    def reader(self) -> Callable[[Path], SourceFile]:
        """Reads files: as they are open now, else as on disk."""
        buffers = {str(one.path.resolve()): one.source.text for one in self.texts.values()}

        def read(path: Path) -> SourceFile:
            text = buffers.get(str(path.resolve()))
            return read_source(path) if text is None else SourceFile(str(path), text)

        return read

    def at(self, uri: str) -> _Open:
        """An open text; a request about another is wrong."""
        if uri not in self.texts:
            raise JsonRpcInvalidParams(f"{uri} is not open")
        return self.texts[uri]

    def lines(self, file: str) -> Lines:
        """The lines of a file: as open, else as on disk."""
        for one in self.texts.values():
            if one.source.path == file or str(one.path.resolve()) == str(Path(file).resolve()):
                return Lines(one.source.text, self.encoding)
        try:
            return Lines(read_source(Path(file)).text, self.encoding)
        except LcspecError:
            return Lines("", self.encoding)

    def offset(self, uri: str, position: lsp.Position) -> int:
        """The offset of a position in an open text."""
        return Lines(self.at(uri).source.text, self.encoding).offset(position.line, position.character)

    def range(self, span: Span, lines: Lines | None = None) -> lsp.Range:
        """A span as the client counts."""
        lines = lines or self.lines(span.file)
        return lsp.Range(lsp.Position(*lines.place(span.start)), lsp.Position(*lines.place(span.end)))

    def location(self, span: Span, folder: Path) -> lsp.Location:
        """A span with its file; data files are named relative to the spec's folder."""
        file = folder / span.file
        return lsp.Location(self.uri(file), self.range(Span(str(file), span.start, span.end)))

    def uri(self, file: Path) -> str:
        """The URI of a file, as the client spells it when it is open."""
        for one in self.texts.values():
            if one.path == file:
                return one.uri
        return str(from_fs_path(str(file)))

    # --- diagnostics -------------------------------------------------------------------------------------------------

    def schedule(self, one: _Open, wait: float) -> None:
        """Checks a text after a while without changes."""
        if one.pending is not None:
            one.pending.cancel()
        one.pending = asyncio.get_running_loop().create_task(self.check(one.uri, wait))

    async def check(self, uri: str, wait: float) -> None:
        """Checks in a thread, and publishes what was found unless the text has changed meanwhile."""
        await asyncio.sleep(wait)
        one = self.texts.get(uri)
        if one is None:
            return
        loaded = None
        if is_spec(self.documents(uri)):
            loop = asyncio.get_running_loop()
            loaded = await loop.run_in_executor(None, _load, one.path, one.source, self.reader())
        now = self.texts.get(uri)
        if now is None or now.source is not one.source:
            return
        now.loaded = loaded
        listed = [self.diagnostic(found, now) for found in loaded.diagnostics] if loaded else []
        params = lsp.PublishDiagnosticsParams(uri, [found for found in listed if found], now.version)
        self.text_document_publish_diagnostics(params)

    def diagnostic(self, found: Diagnostic, one: _Open) -> lsp.Diagnostic:
        """A diagnostic; one that lies in another file is shown at the top, with the way to it."""
        folder = one.path.parent
        lines = Lines(one.source.text, self.encoding)
        here = [label for label in found.labels if label.span.file == one.source.path]
        other = [label for label in found.labels if label not in here[:1]]
        span = here[0].span if here else Span(one.source.path, 0, len(one.source.text.split("\n", 1)[0]))
        told = [
            found.message,
            *(f"note: {note}" for note in found.notes),
            *([f"help: {found.help}"] * bool(found.help)),
        ]
        related = [
            lsp.DiagnosticRelatedInformation(self.location(label.span, folder), label.text or found.message)
            for label in other
            if not label.span.file.startswith("--set ")
        ]
        return lsp.Diagnostic(
            range=self.range(span, lines),
            message="\n".join(told),
            severity=lsp.DiagnosticSeverity.Error if found.severity == "error" else lsp.DiagnosticSeverity.Warning,
            code=found.code,
            code_description=lsp.CodeDescription(page_uri(found.code)) if found.code in TITLES else None,
            source="lcspec",
            related_information=related or None,
        )

    def bound(self, uri: str) -> tuple[Spec, Known] | None:
        """The spec as last checked, with what is known of its files."""
        loaded = self.at(uri).loaded
        if loaded is None or loaded.spec is None:
            return None
        models = loaded.lock.models if loaded.lock else {}
        return loaded.spec, Local(loaded.project.folder, loaded.spec, models).known

    def finished(self, uri: str) -> frozenset[str]:
        """The ids of the steps that have results in the store of a spec."""
        try:
            return frozenset(Store.peek(Project(self.at(uri).path).store).heads)
        except LcspecError:  # a newer store
            return frozenset()

    def edit(self, changes: Iterable[tuple[Span, str]]) -> lsp.WorkspaceEdit:
        """Replacements in any number of files."""
        made: dict[str, list[lsp.TextEdit]] = {}
        for span, text in changes:
            made.setdefault(self.uri(Path(span.file)), []).append(lsp.TextEdit(self.range(span), text))
        return lsp.WorkspaceEdit(changes=made)


def _load(path: Path, source: SourceFile, read: Callable[[Path], SourceFile]) -> api.Loaded:
    try:
        return api.load_text(Project(path), source, read=read)
    except LcspecError as error:  # a broken project file beside it
        return api.Loaded(Project(path), source, None, None, None, list(error.diagnostics))


def is_spec(documents: Documents) -> bool:
    """Whether a text means to be a spec: it, or what it extends, says `lcspec:`."""
    return any(line.startswith("lcspec:") for one in documents.all for line in one.source.text.split("\n"))


def page_uri(code: str) -> str:
    """The page of a code, as it is installed."""
    return (Path(lcspec.diag.__file__).parent / "explain" / f"{code}.md").as_uri()
