"""The schema in the editor that most people have: the real yaml-language-server completes, describes and validates."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from lcspec.canon import pretty
from lcspec.cli.main import group
from lcspec.editor.positions import Lines
from lcspec.kinds import registry
from lcspec.schema import BUILDERS

pytestmark = pytest.mark.slow
SPECS = Path(__file__).parents[2] / "specs"
WAIT = 60.0
SETTINGS = {
    "yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}, "schemas": {}},
    "http": {},
    "[yaml]": {},
    "editor": {},
    "files": {},
}
HEAD = "# yaml-language-server: $schema=schema.json\nlcspec: 1\nname: x\nscope: {task: chat}\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a server that was just installed from npm."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("npm and node are needed to run yaml-language-server: NOT TESTED")
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "yaml-language-server"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.skip(f"npm cannot install yaml-language-server: NOT TESTED\n{done.stderr[-500:]}")
    return [str(folder / "node_modules" / ".bin" / "yaml-language-server"), "--stdio"]


class Client(LanguageClient):
    """An editor with one file open."""

    def __init__(self) -> None:
        super().__init__("tests", "1")
        self.published: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()
        self.text, self.uri, self.number = "", "", 0

        @self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def keep(params: lsp.PublishDiagnosticsParams) -> None:
            self.published.put_nowait(params)

        @self.feature(lsp.WORKSPACE_CONFIGURATION)
        def configuration(params: lsp.ConfigurationParams) -> list[Any]:
            return [SETTINGS.get(item.section or "", {}) for item in params.items]

        @self.feature(lsp.CLIENT_REGISTER_CAPABILITY)
        def register(params: lsp.RegistrationParams) -> None:
            return None

    async def put(self, folder: Path, text: str) -> list[lsp.Diagnostic]:
        """Opens a new file, and waits for what the server says about it."""
        self.number += 1
        self.uri, self.text = (folder / f"spec-{self.number}.yaml").as_uri(), text
        item = lsp.TextDocumentItem(self.uri, "yaml", 1, text)
        self.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        while True:
            params = await asyncio.wait_for(self.published.get(), WAIT)
            if params.uri == self.uri:
                return list(params.diagnostics)

    async def complete(self, folder: Path, text: str) -> dict[str, lsp.CompletionItem]:
        """What is offered at the mark `|@`, by label."""
        await self.put(folder, text.replace("|@", ""))
        place = lsp.Position(*Lines(self.text).place(text.index("|@")))
        identifier = lsp.TextDocumentIdentifier(self.uri)
        found = await self.text_document_completion_async(lsp.CompletionParams(identifier, place))
        items = found.items if isinstance(found, lsp.CompletionList) else found or []
        return {item.label: item for item in items}

    async def hover(self, before: str, after: str) -> str:
        """The text shown between two neighbouring pieces."""
        assert self.text.count(before + after) == 1, before + after
        place = lsp.Position(*Lines(self.text).place(self.text.index(before + after) + len(before)))
        found = await self.text_document_hover_async(lsp.HoverParams(lsp.TextDocumentIdentifier(self.uri), place))
        return "" if found is None else str(getattr(found.contents, "value", found.contents))


Talk = Callable[[Callable[[Client, Path], Awaitable[None]]], None]


@pytest.fixture
def talk(server: list[str], tmp_path: Path) -> Talk:
    (tmp_path / "schema.json").write_text(pretty(BUILDERS["spec"]()))

    def run(work: Callable[[Client, Path], Awaitable[None]]) -> None:
        async def main() -> None:
            client = Client()
            await client.start_io(*server)
            try:
                capabilities = lsp.ClientCapabilities(
                    workspace=lsp.WorkspaceClientCapabilities(configuration=True),
                    text_document=lsp.TextDocumentClientCapabilities(
                        hover=lsp.HoverClientCapabilities(content_format=[lsp.MarkupKind.Markdown]),
                        completion=lsp.CompletionClientCapabilities(
                            completion_item=lsp.ClientCompletionItemOptions(
                                snippet_support=True, documentation_format=[lsp.MarkupKind.Markdown]
                            )
                        ),
                    ),
                )
                params = lsp.InitializeParams(capabilities=capabilities, root_uri=tmp_path.as_uri())
                await asyncio.wait_for(client.initialize_async(params), WAIT)
                client.initialized(lsp.InitializedParams())
                client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(SETTINGS))
                await work(client, tmp_path)
            finally:
                await asyncio.wait_for(client.shutdown_async(None), WAIT)
                client.exit(None)
                await asyncio.wait_for(client.stop(), WAIT)

        asyncio.run(main())

    return run


OVERLAY = """\
# yaml-language-server: $schema=schema.json
extends: base.yaml
variables: {r: 8}
tuning:
  lora: {rank: "${r}", matrix: {epochs: [1, 2]}}
x-note: anything
"""


def test_good_specs_have_no_problems(talk: Talk, tmp_path: Path) -> None:
    rows = "".join(json.dumps({"text": f"t {n}", "label": "ab"[n % 2]}) + "\n" for n in range(100))
    (tmp_path / "rows.jsonl").write_text(rows)
    made = CliRunner().invoke(group, ["init", str(tmp_path / "rows.jsonl"), "-o", str(tmp_path / "first.yaml")])
    assert made.exit_code == 0, made.output
    texts = [path.read_text() for path in (*sorted(SPECS.glob("*.yaml")), tmp_path / "first.yaml")]

    async def work(client: Client, folder: Path) -> None:
        assert len(texts) >= 3
        for text in (*texts, OVERLAY):
            marked = re.sub(r"\$schema=\S+", "$schema=schema.json", text)
            assert await client.put(folder, marked) == []

    talk(work)


def test_kinds_and_the_keys_of_the_kind_at_hand_complete(talk: Talk) -> None:
    async def work(client: Client, folder: Path) -> None:
        seen = 0
        for section, family in (
            ("data", "data"),
            ("models", "model"),
            ("tuning", "tuning"),
            ("augmentation", "augment"),
        ):
            offered = await client.complete(folder, f"{HEAD}{section}:\n  some:\n    kind: |@\n")
            assert set(offered) == set(registry.names(family))
            for name in registry.names(family):
                body = registry.load(family, name).body
                keys = {info.alias for info in body.model_fields.values()}
                offered = await client.complete(folder, f"{HEAD}{section}:\n  some:\n    kind: {name}\n    |@\n")
                assert set(offered) - {"matrix"} == keys, name
                seen += 1
        assert seen >= 10
        offered = await client.complete(folder, f"{HEAD}tuning:\n  lora:\n    |@\n")
        assert "learning-rate" in offered
        offered = await client.complete(folder, f"{HEAD}evaluation:\n  suites:\n    s:\n      metrics:\n        - |@\n")
        assert {"accuracy", "macro-f1"} <= set(offered)
        offered = await client.complete(folder, "# yaml-language-server: $schema=schema.json\nlcspec: 1\n|@\n")
        assert {"scope", "data", "models", "ladder"} <= set(offered)
        offered = await client.complete(folder, f"{HEAD}tuning:\n  |@\n")
        snippet = offered["lora …"].insert_text or getattr(offered["lora …"].text_edit, "new_text", "")
        assert "kind: lora" in snippet

    talk(work)


def test_hover_tells_type_limits_default_and_effect(talk: Talk) -> None:
    async def work(client: Client, folder: Path) -> None:
        text = f"{HEAD}tuning:\n  mine:\n    kind: lora\n    data: a.train\n    rank: 8\n"
        assert await client.put(folder, text) == []
        shown = await client.hover("    ra", "nk: 8")
        assert all(
            words in shown for words in ("Rank of the adapters", "at most 1024", "default: `8`", "runs the steps")
        )
        assert "low-rank adapters" in await client.hover("kind: lo", "ra")
        assert "chain with" in await client.hover("tun", "ing:")

    talk(work)


WRONG = {
    "key": ("    rnak: 8\n", 8, "rnak"),
    "kind": ("  b: {kind: loar}\n", 8, "loar"),
    "type": ("    rank: eight\n", 8, "eight"),
    "range": ("    rank: 0\n", 8, "0"),
    "top": ("modles: {}\n", 8, "modles"),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_a_fault_is_shown_at_its_line(talk: Talk, case: str) -> None:
    added, line, words = WRONG[case]

    async def work(client: Client, folder: Path) -> None:
        found = await client.put(folder, f"{HEAD}tuning:\n  mine:\n    kind: lora\n    data: a.train\n{added}")
        assert [one.range.start.line for one in found] == [line], found
        lines = Lines(client.text)
        places = [lines.offset(place.line, place.character) for place in (found[0].range.start, found[0].range.end)]
        assert words in client.text[places[0] : places[1]]
        assert "${name} of a variable" in found[0].message or case != "type"

    talk(work)


def test_a_missing_key_is_named(talk: Talk) -> None:
    async def work(client: Client, folder: Path) -> None:
        (found,) = await client.put(folder, f"{HEAD}tuning:\n  mine: {{kind: lora}}\n")
        assert (found.range.start.line, "data" in found.message) == (5, True)

    talk(work)
