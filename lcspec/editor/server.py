"""The language server: the protocol's requests, answered by the pure functions of this package. Needs pygls."""

from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

from lcspec.diag.model import Edit, LcspecError
from lcspec.editor import navigate
from lcspec.editor.actions import actions_at, safe_edits
from lcspec.editor.complete import Item, complete
from lcspec.editor.documents import Documents
from lcspec.editor.hover import hover
from lcspec.editor.moving import has_results, moved
from lcspec.editor.positions import Lines
from lcspec.editor.session import Server
from lcspec.fmt import formatted
from lcspec.ir.source import Span

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
            changes = navigate.rename(documents, name, params.new_name)
        except navigate.Refused as why:
            raise JsonRpcInvalidParams(str(why)) from None
        known = changes and has_results(server.finished(params.text_document.uri), name.name)
        noted = moved(documents.main, name, params.new_name) if known else None
        return server.edit([*changes, noted] if noted is not None else changes)


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
