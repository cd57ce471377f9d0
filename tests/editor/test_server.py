"""The language server, asked by a real client over standard input and output."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from lcspec.editor.positions import Lines
from lcspec.fmt import formatted
from tests.editor.spec import BASE, TOP

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "specs"
WAIT = 30.0


class Client(LanguageClient):
    """Keeps what the server publishes, and knows how to ask at a piece of text."""

    def __init__(self) -> None:
        super().__init__("tests", "1")
        self.published: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()
        self.text, self.uri, self.version = "", "", 0

        @self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def keep(params: lsp.PublishDiagnosticsParams) -> None:
            self.published.put_nowait(params)

    async def put(self, path: Path, text: str) -> list[lsp.Diagnostic]:
        """Opens a text, and waits for its diagnostics."""
        self.uri, self.text, self.version = path.as_uri(), text, 1
        item = lsp.TextDocumentItem(self.uri, "yaml", self.version, text)
        self.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        return await self.diagnostics()

    async def type(self, *texts: str) -> list[lsp.Diagnostic]:
        """Sends texts one right after the other, and waits for the diagnostics of the last."""
        for text in texts:
            self.version, self.text = self.version + 1, text
            identifier = lsp.VersionedTextDocumentIdentifier(self.version, self.uri)
            whole = [lsp.TextDocumentContentChangeWholeDocument(text)]
            self.text_document_did_change(lsp.DidChangeTextDocumentParams(identifier, whole))
        return await self.diagnostics()

    async def diagnostics(self) -> list[lsp.Diagnostic]:
        while True:
            params = await asyncio.wait_for(self.published.get(), WAIT)
            if params.uri == self.uri and params.version == self.version:
                return list(params.diagnostics)

    def at(self, before: str, after: str = "") -> dict[str, Any]:
        """The parameters of a request between two neighbouring pieces of the text."""
        assert self.text.count(before + after) == 1, before + after
        place = Lines(self.text).place(self.text.index(before + after) + len(before))
        return {"text_document": lsp.TextDocumentIdentifier(self.uri), "position": lsp.Position(*place)}

    def shown(self, range: lsp.Range) -> str:
        """The text of a range."""
        lines = Lines(self.text)
        start, end = (lines.offset(place.line, place.character) for place in (range.start, range.end))
        return self.text[start:end]


def talk(work: Callable[[Client], Awaitable[None]]) -> None:
    """Starts a server as an editor does, lets `work` talk to it, and ends it in order."""

    async def main() -> None:
        client = Client()
        await client.start_io(sys.executable, "-m", "lcspec", "lsp", "--stdio")
        try:
            capabilities = lsp.ClientCapabilities()
            started = await asyncio.wait_for(
                client.initialize_async(lsp.InitializeParams(capabilities=capabilities)), WAIT
            )
            assert started.capabilities.position_encoding in (None, "utf-16")
            client.initialized(lsp.InitializedParams())
            await work(client)
        finally:
            await asyncio.wait_for(client.shutdown_async(None), WAIT)
            client.exit(None)
            await asyncio.wait_for(client.stop(), WAIT)

    asyncio.run(main())


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "top.yaml").write_text(TOP)
    rows = "".join(f'{{"text": "t{n}", "label": "{"ab"[n % 2]}"}}\n' for n in range(40))
    (tmp_path / "rows.jsonl").write_text(rows)
    (tmp_path / "model").mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "model" / name).write_text("{}")
    return tmp_path


def test_example_specs_have_no_problems_and_other_yaml_is_left_alone(tmp_path: Path) -> None:
    async def work(client: Client) -> None:
        for path in sorted(SPECS.glob("*.yaml")):
            assert await client.put(path, path.read_text()) == []
        assert await client.put(tmp_path / "compose.yaml", "services: {web: {image: x}}\n") == []

    talk(work)


def test_faults_are_published_at_their_place_while_typing_and_go_away(tmp_path: Path) -> None:
    text = (SPECS / "quickstart.yaml").read_text()
    wrong = text.replace("rank: 8", "rnak: 8").replace("description: Names", "description: 😀 Names")

    async def work(client: Client) -> None:
        assert await client.put(SPECS / "quickstart.yaml", text) == []
        (fault,) = await client.type(text + "x", text + "xy", wrong)
        assert (fault.code, fault.source, fault.severity) == ("LC0101", "lcspec", lsp.DiagnosticSeverity.Error)
        assert client.shown(fault.range) == "rnak"
        assert "did you mean `rank`?" in fault.message
        assert fault.code_description is not None
        assert Path(fault.code_description.href.removeprefix("file://")).read_text().startswith("# LC0101")
        (broken,) = await client.type(text.replace("scope:\n", "scope: {\n"))
        assert str(broken.code).startswith("LC00")
        assert await client.type(text) == []

    talk(work)


def test_positions_are_utf_16(folder: Path) -> None:
    text = TOP.replace("{metric: s.accuracy,", '{x-a: "😀😀", metric: s.acuracy,')

    async def work(client: Client) -> None:
        (fault,) = await client.put(folder / "top.yaml", text)
        assert client.shown(fault.range) == "s.acuracy"
        line = text.split("\n")[fault.range.start.line]
        assert fault.range.start.character == line.index("s.acuracy") + 2  # two pairs of surrogates before it

    talk(work)


def test_a_repair_is_offered_and_removes_its_problem(folder: Path) -> None:
    text = TOP.replace("    rank: 8", "    batch_size: 4\n    rnak: 8")

    async def work(client: Client) -> None:
        found = await client.put(folder / "top.yaml", text)
        assert {fault.code for fault in found} == {"LC0101"}
        ranges = {client.shown(fault.range): fault for fault in found}
        for only, title in (([lsp.CodeActionKind.QuickFix], None), (["source.fixAll"], "Fix all that is safe to fix")):
            fault = ranges["batch_size"]
            context = lsp.CodeActionContext([fault], only=only)
            identifier = lsp.TextDocumentIdentifier(client.uri)
            params = lsp.CodeActionParams(identifier, fault.range, context)
            (action,) = await client.text_document_code_action_async(params) or []
            assert isinstance(action, lsp.CodeAction)
            assert title in (None, action.title)
            assert action.edit is not None
            assert action.edit.changes is not None
            (edit,) = action.edit.changes[client.uri]
            assert (client.shown(edit.range), edit.new_text) == ("batch_size", "batch-size")
        left = await client.type(text.replace("batch_size", "batch-size"))
        assert [client.shown(fault.range) for fault in left] == ["rnak"]

    talk(work)


def test_hover_completion_definition_references_rename_and_outline(folder: Path) -> None:
    async def work(client: Client) -> None:
        assert [d for d in await client.put(folder / "top.yaml", TOP) if d.severity == 1] == []
        hover = await client.text_document_hover_async(lsp.HoverParams(**client.at("    ra", "nk: 8")))
        assert hover is not None
        assert "Rank of the adapters" in hover.contents.value  # type: ignore[union-attr]
        assert client.shown(hover.range) == "rank"  # type: ignore[arg-type]
        gate = await client.text_document_hover_async(lsp.HoverParams(**client.at("{go", "od:")))
        assert gate is not None
        assert "9 rows" in gate.contents.value  # type: ignore[union-attr]

        (place,) = await client.text_document_definition_async(lsp.DefinitionParams(**client.at("data: ro", "ws.train"))) or []  # type: ignore[misc]  # fmt: skip # noqa: E501
        assert (place.uri, place.range.start.line) == ((folder / "base.yaml").as_uri(), 4)
        (file,) = await client.text_document_definition_async(lsp.DefinitionParams(**client.at("extends: ba", "se"))) or []  # type: ignore[misc]  # fmt: skip # noqa: E501
        assert file.uri == (folder / "base.yaml").as_uri()

        context = lsp.ReferenceContext(include_declaration=True)
        params = lsp.ReferenceParams(context=context, **client.at("after: lo", "ra,"))
        places = await client.text_document_references_async(params) or []
        assert sorted(one.range.start.line for one in places) == [6, 9, 16]

        prepared = await client.text_document_prepare_rename_async(lsp.PrepareRenameParams(**client.at("after: lo", "ra,")))  # fmt: skip # noqa: E501
        assert isinstance(prepared, lsp.PrepareRenamePlaceholder)
        assert (prepared.placeholder, client.shown(prepared.range)) == ("lora", "lora")
        edit = await client.text_document_rename_async(lsp.RenameParams(new_name="first", **client.at("after: lo", "ra,")))  # fmt: skip # noqa: E501
        assert edit is not None
        assert edit.changes is not None
        assert len(edit.changes[client.uri]) == 4  # the entry, its kind, two uses
        store = folder / ".lcspec"
        store.mkdir()
        (store / "heads.jsonl").write_text(json.dumps(["train:m/p/lora/-", "0" * 64]) + "\n")
        edit = await client.text_document_rename_async(lsp.RenameParams(new_name="first", **client.at("after: lo", "ra,")))  # fmt: skip # noqa: E501
        assert edit is not None
        assert edit.changes is not None
        assert "{from: tuning.lora, to: tuning.first}" in edit.changes[client.uri][-1].new_text
        with pytest.raises(JsonRpcException, match="not a name"):
            await client.text_document_rename_async(lsp.RenameParams(new_name="No!", **client.at("after: lo", "ra,")))

        outline = await client.text_document_document_symbol_async(
            lsp.DocumentSymbolParams(lsp.TextDocumentIdentifier(client.uri))
        )
        assert [one.name for one in outline or []][:3] == ["extends", "name", "prompts"]

        broken = TOP.replace("    rank: 8\n", "    rank: 8\n    al\n")
        await client.type(broken)
        listed = await client.text_document_completion_async(lsp.CompletionParams(**client.at("    al", "\n")))
        assert isinstance(listed, lsp.CompletionList)
        alpha = next(item for item in listed.items if item.label == "alpha")
        assert isinstance(alpha.text_edit, lsp.TextEdit)
        assert (client.shown(alpha.text_edit.range), alpha.text_edit.new_text) == ("al", "alpha: ")

    talk(work)


def test_a_fault_in_a_data_file_is_shown_with_the_way_to_it(folder: Path) -> None:
    with (folder / "rows.jsonl").open("a") as file:
        file.write('{"text": "x", "label": "zebra"}\n')

    async def work(client: Client) -> None:
        (fault,) = [one for one in await client.put(folder / "top.yaml", TOP) if one.code == "LC0404"]
        assert fault.range.start.line == 0
        (related,) = fault.related_information or []
        assert (related.location.uri, related.location.range.start.line) == ((folder / "rows.jsonl").as_uri(), 40)

    talk(work)


def test_a_text_is_formatted_as_fmt_does_and_a_broken_one_is_left_alone(folder: Path) -> None:
    text = TOP.replace("  lora:\n    data: rows.train\n", "  lora:\n     data:   rows.train # why\n").replace(
        "    rank", "     rank"
    )

    async def work(client: Client) -> None:
        await client.put(folder / "top.yaml", text)
        options = lsp.FormattingOptions(tab_size=2, insert_spaces=True)
        params = lsp.DocumentFormattingParams(lsp.TextDocumentIdentifier(client.uri), options)
        (edit,) = await client.text_document_formatting_async(params) or []
        assert client.shown(edit.range) == text
        assert edit.new_text == formatted("top.yaml", text) != text
        await client.type(edit.new_text)
        assert not await client.text_document_formatting_async(params)
        await client.type("scope: {\nlcspec: 1\n")
        assert await client.text_document_formatting_async(params) is None

    talk(work)


def test_a_base_that_is_open_counts_as_it_is_in_the_editor(folder: Path) -> None:
    async def work(client: Client) -> None:
        await client.put(folder / "base.yaml", BASE.replace("plain: {user", "simple: {user"))
        found = await client.put(folder / "top.yaml", TOP)
        assert {client.shown(one.range) for one in found if one.code == "LC0201"} == {"plain"}

    talk(work)
