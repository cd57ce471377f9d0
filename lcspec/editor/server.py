"""The language server: the protocol's requests, answered by the pure functions of this package. Needs pygls."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

import lcspec.diag
from lcspec import __version__, api
from lcspec.compile.known import Known
from lcspec.diag.codes import TITLES
from lcspec.diag.model import Diagnostic, Edit, LcspecError
from lcspec.editor import navigate
from lcspec.editor.actions import actions_at, safe_edits
from lcspec.editor.complete import Item, complete
from lcspec.editor.documents import Documents, open_documents
from lcspec.editor.hover import hover
from lcspec.editor.positions import Encoding, Lines
from lcspec.fmt import formatted
from lcspec.ir.source import SourceFile, Span
from lcspec.ir.spec import Spec
from lcspec.local import Local
from lcspec.project import Project, read_source

DEBOUNCE = 0.25  # seconds of silence before a changed text is checked
FIX_ALL = "source.fixAll.lcspec"
_ITEM_KINDS = {
    "key": lsp.CompletionItemKind.Property,
    "kind": lsp.CompletionItemKind.Class,
    "name": lsp.CompletionItemKind.Reference,
    "value": lsp.CompletionItemKind.EnumMember,
    "variable": lsp.CompletionItemKind.Variable,
}
_SYMBOL_KINDS = {
    "section": lsp.SymbolKind.Namespace,
    "entry": lsp.SymbolKind.Object,
    "gate": lsp.SymbolKind.Boolean,
    "rung": lsp.SymbolKind.Array,
    "value": lsp.SymbolKind.Property,
}


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


def make() -> Server:
    """A server with all its features."""
    server = Server()
    _add_texts(server)
    _add_reading(server)
    _add_names(server)
    _add_changes(server)
    _add_form(server)
    return server


def _add_texts(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(params: lsp.DidOpenTextDocumentParams) -> None:
        given = params.text_document
        server.schedule(server.put(given.uri, given.text, given.version), 0)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(params: lsp.DidChangeTextDocumentParams) -> None:
        text = params.content_changes[-1].text
        server.schedule(server.put(params.text_document.uri, text, params.text_document.version), DEBOUNCE)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(params: lsp.DidSaveTextDocumentParams) -> None:
        for one in list(server.texts.values()):  # another spec may extend the one that was saved
            server.schedule(one, 0)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    async def did_close(params: lsp.DidCloseTextDocumentParams) -> None:
        closed = server.texts.pop(params.text_document.uri, None)
        if closed is not None and closed.pending is not None:
            closed.pending.cancel()
        server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(params.text_document.uri, []))


def _add_reading(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def on_hover(params: lsp.HoverParams) -> lsp.Hover | None:
        uri = params.text_document.uri
        offset = server.offset(uri, params.position)
        found = hover(server.documents(uri, offset), offset, lambda: server.bound(uri))
        if found is None:
            return None
        content = lsp.MarkupContent(lsp.MarkupKind.Markdown, found.markdown)
        return lsp.Hover(content, server.range(found.span))

    options = lsp.CompletionOptions(trigger_characters=[" ", ".", "{", "[", ",", "-"])

    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, options)
    def on_completion(params: lsp.CompletionParams) -> lsp.CompletionList:
        uri = params.text_document.uri
        offset = server.offset(uri, params.position)
        documents = server.documents(uri, offset)
        found = complete(documents, offset)
        lines = Lines(documents.main.source.text, server.encoding)
        items = [_item(item, number, offset, lines) for number, item in enumerate(found)]
        return lsp.CompletionList(is_incomplete=False, items=items)

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def on_symbols(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        documents = server.documents(params.text_document.uri)
        lines = Lines(documents.main.source.text, server.encoding)
        return [_symbol(server, one, lines) for one in navigate.symbols(documents)]


def _item(item: Item, number: int, offset: int, lines: Lines) -> lsp.CompletionItem:
    place = lsp.Range(lsp.Position(*lines.place(item.start)), lsp.Position(*lines.place(offset)))
    return lsp.CompletionItem(
        label=item.label,
        kind=_ITEM_KINDS[item.sort],
        detail=item.detail or None,
        documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, item.doc) if item.doc else None,
        sort_text=f"{number:04}",
        filter_text=item.label,
        text_edit=lsp.TextEdit(place, item.text),
    )


def _symbol(server: Server, one: navigate.Symbol, lines: Lines) -> lsp.DocumentSymbol:
    return lsp.DocumentSymbol(
        name=one.name or "?",
        kind=_SYMBOL_KINDS[one.sort],
        range=server.range(one.span, lines),
        selection_range=server.range(one.name_span, lines),
        detail=one.detail or None,
        children=[_symbol(server, child, lines) for child in one.children],
    )


def _add_names(server: Server) -> None:
    def named(uri: str, position: lsp.Position) -> tuple[Documents, navigate.Named | None, int]:
        offset = server.offset(uri, position)
        documents = server.documents(uri)
        return documents, navigate.named_at(documents, offset), offset

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def on_definition(params: lsp.DefinitionParams) -> list[lsp.Location] | None:
        uri = params.text_document.uri
        documents, name, offset = named(uri, params.position)
        folder = server.at(uri).path.parent
        if name is not None:
            return [server.location(span, folder) for span in navigate.definition_spans(documents, name)]
        file = navigate.file_at(documents, offset)
        if file is None or not (folder / file[0]).is_file():
            return None
        start = lsp.Position(0, 0)
        return [lsp.Location(server.uri(folder / file[0]), lsp.Range(start, start))]

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def on_references(params: lsp.ReferenceParams) -> list[lsp.Location] | None:
        uri = params.text_document.uri
        documents, name, _ = named(uri, params.position)
        if name is None:
            return None
        spans = navigate.definition_spans(documents, name) if params.context.include_declaration else []
        spans += navigate.reference_spans(documents, name)
        return [server.location(span, server.at(uri).path.parent) for span in spans]

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    def on_prepare(params: lsp.PrepareRenameParams) -> lsp.PrepareRenamePlaceholder | None:
        documents, name, _ = named(params.text_document.uri, params.position)
        if name is None or not documents.find(name.family, name.name):
            return None
        return lsp.PrepareRenamePlaceholder(server.range(name.span), name.name)

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    def on_rename(params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        documents, name, _ = named(params.text_document.uri, params.position)
        if name is None:
            return None
        try:
            return server.edit(navigate.rename(documents, name, params.new_name))
        except navigate.Refused as why:
            raise JsonRpcInvalidParams(str(why)) from None


def _add_changes(server: Server) -> None:
    kinds: list[lsp.CodeActionKind | str] = [lsp.CodeActionKind.QuickFix, FIX_ALL]
    options = lsp.CodeActionOptions(code_action_kinds=kinds)

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, options)
    def on_actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = params.text_document.uri
        one = server.at(uri)
        start, end = server.offset(uri, params.range.start), server.offset(uri, params.range.end)
        wanted = params.context.only
        made: list[lsp.CodeAction] = []
        if wanted is None or lsp.CodeActionKind.QuickFix in wanted:
            made += [
                lsp.CodeAction(
                    title=action.title,
                    kind=lsp.CodeActionKind.QuickFix,
                    diagnostics=[server.diagnostic(action.diagnostic, one)],
                    is_preferred=action.safe,
                    edit=server.edit(action.edits),
                )
                for action in actions_at(one.diagnostics, Span(one.source.path, start, end))
            ]
        edits: list[Edit] = safe_edits(one.diagnostics)
        if edits and (wanted is None or any(FIX_ALL.startswith(str(getattr(k, "value", k))) for k in wanted)):
            title = "Fix all that is safe to fix"
            made.append(lsp.CodeAction(title=title, kind=FIX_ALL, edit=server.edit(edits)))
        return made


def _add_form(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    def on_format(params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
        source = server.at(params.text_document.uri).source
        try:
            text = formatted(source.path, source.text)
        except LcspecError:  # a broken text stays as it is; its faults are shown
            return None
        return [lsp.TextEdit(server.range(Span(source.path, 0, len(source.text))), text)] if text != source.text else []


def start(*, port: int | None = None) -> None:
    """Serves on standard input and output, or on a port of this machine; returns when the client leaves."""
    server: Any = make()
    if port is None:
        server.start_io()
    else:
        server.start_tcp("127.0.0.1", port)
