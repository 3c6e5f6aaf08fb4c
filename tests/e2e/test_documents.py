"""The examples in the documents are true: what can be run is run, in its order, and what comes of it is compared.

How a block is taken follows from its word after the fence. Every block has one.

    console  commands after `$ ` and what they say; run, and compared line by line
    sh       commands; run, and expected to succeed
    json     JSON; after a block that ended in a curl, what that curl answered
    yaml     settings; checked by `slipway check`
    python   run where its imports are there, else compiled
    text     anything else; not run

A document's commands run in one folder with a store of its own. Its servers take free ports, which stand for those that the
document names. What differs by machine and build counts as the same: digests, times, sizes, the last digits of scores.
`...` stands for anything, on a line of its own for any lines. Commands other than slipway, curl and a few of a shell are
for the reader's own machine, and not run.
"""

import ast
import importlib.util
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys

import conftest
import onnx_models
import pytest
import yaml

DOCUMENTS = ["README.md", "docs/serve.md", "docs/predict.md", "docs/v2.md", "docs/your-own-model.md",
             "docs/prediction-function.md", "docs/trees.md", "docs/package-format.md", "docs/bench.md", "examples/wine/README.md", "bench/README.md"]
RUN = ("slipway", "curl", "cat", "head")
LISTENERS = {"url": "127.0.0.1:8080", "admin": "127.0.0.1:8081"}
ANSWERED = re.compile(r"`(\{[^`]*\})`\s+is (?:then )?answered\s+by\s+`(\{[^`]*\})`")


class Block:
    def __init__(self, kind, line, text):
        self.kind, self.line, self.text = kind, line, text

    def commands(self):
        """[(command, lines that it is said to write)]; a command goes on while a quote is open or a line ends in a backslash."""
        found = []
        for line in self.text.splitlines():
            if found and is_open(found[-1][0]):
                found[-1][0] += "\n" + line
            elif self.kind == "sh" and line.strip():
                found.append([line, []])
            elif line.startswith("$ "):
                found.append([line[2:], []])
            elif found:
                found[-1][1].append(line)
        return [(command, said) for command, said in found]


def is_open(command):
    return command.endswith("\\") or command.count("'") % 2 == 1


def blocks_of(text):
    """The fenced blocks of a Markdown document, and the text between them as blocks of the kind `prose`."""
    blocks, kind, start, lines = [], "prose", 1, []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            blocks.append(Block(kind, start, "\n".join(lines)))
            kind, start, lines = (line[3:].strip() or "unnamed" if kind == "prose" else "prose"), number + 1, []
        else:
            lines.append(line)
    return [*blocks, Block(kind, start, "\n".join(lines))]


def same(line):
    """A line without what differs by machine and build."""
    line = re.sub(r"sha256:[0-9a-f]{12,64}", "sha256:<digest>", line)
    line = re.sub(r"\b\d+(\.\d+)? ?(us|ms|s)\b", "<time>", line)
    line = re.sub(r"\b\d+(\.\d+)? (B|KiB|MiB)\b", "<size>", line)
    line = re.sub(r", up to rounding \(largest difference [^)]*\)", "", line)
    line = re.sub(r", up to \d+ rows a run", "", line)  # said where it pays, which is measured
    return re.sub(r"\d+\.\d{5,}", lambda number: f"{float(number[0]):.4f}", line.rstrip())


def fits(expected, said):
    """Whether lines are as a document says; `...` as described above."""
    if not expected:
        return not said
    if expected[0].strip() == "...":
        return any(fits(expected[1:], said[i:]) for i in range(len(said) + 1))
    if not said:
        return False
    pattern = ".*".join(re.escape(part) for part in same(expected[0]).split("..."))
    return re.fullmatch(pattern, same(said[0])) is not None and fits(expected[1:], said[1:])


def agrees(document, answer):
    """Whether a JSON answer is what a document shows: a number as exact as it is written, `...` in a text for anything."""
    if isinstance(document, dict):
        return isinstance(answer, dict) and list(document) == list(answer) and all(
            agrees(value, answer[key]) for key, value in document.items())
    if isinstance(document, list):
        return isinstance(answer, list) and len(document) == len(answer) and all(map(agrees, document, answer))
    if isinstance(document, Written):
        places = len(document.text.partition(".")[2])
        return isinstance(answer, (int, float)) and abs(float(document.text) - answer) <= 0.6 * 10**-min(places, 5)
    if isinstance(document, str) and isinstance(answer, str):
        return fits([document], [answer])
    return document == answer


class Written:
    """A number with a point, as it is written."""

    def __init__(self, text):
        self.text = text


class Reader:
    """A person who follows one document, command by command."""

    def __init__(self, slipway, serve, folder):
        self.slipway, self.serve, self.folder = slipway, serve, folder
        self.server = None
        self.answer = None  # what the last curl said
        self.run_count = 0

    def real(self, text):
        """What stands in a document, for this machine."""
        text = text.replace("file:///shelf", f"file://{self.folder}/shelf")
        for name, address in LISTENERS.items():
            if address in text and self.server is None:
                self.server = self.serve("wine:1.0.0", cwd=self.folder)
            if self.server is not None:
                text = text.replace(address, getattr(self.server, name).removeprefix("http://"))
        return text

    def shown(self, text):
        """What this machine said, as a document shows it."""
        for name, address in LISTENERS.items():
            if self.server is not None:
                text = text.replace(getattr(self.server, name).removeprefix("http://"), address)
        return text.replace(f"{self.folder}/shelf", "/shelf")

    def command(self, command):
        """Runs it and gives the lines that it says; None where it is not for here."""
        words = command.split()
        if words[0] not in RUN:
            return None
        self.run_count += 1
        if words[:2] == ["slipway", "serve"]:
            if self.server is not None:
                assert self.server.stop() == 0
                self.server = None
            self.server = self.serve(*command.partition("#")[0].split()[2:] if "shelf" not in command else
                                     self.real(command.partition("#")[0]).split()[2:], cwd=self.folder)
            self.server.wait_for("^ask it:\n.*\n")
            return [line for line in self.shown(self.server.output).splitlines() if "model.ready" not in line]
        script = f'curl() {{ command curl -sS --fail-with-body "$@"; }}\n{self.real(command)}'
        done = subprocess.run(["bash", "-c", script], cwd=self.folder, env=self.slipway.env, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        if words[0] == "curl":
            self.answer = done.stdout
        return self.shown(done.stdout).splitlines()

    def settings(self, text, keep):
        """Checks settings; a model's that are the function alone get the rest. Gives whether they are whole, and kept."""
        keys = yaml.safe_load(text).keys()
        kind = "model" if keys & {"function", "model", "name"} else "environment"
        if kind == "model":
            head = "" if "name" in keys else "name: tried\n"
            text = head + ("" if "model" in keys else "model: model.onnx\nsample: sample.csv\n") + text
        (self.folder / "checked.yaml").write_text(text)
        self.slipway("check", self.folder / "checked.yaml", "--kind", kind)
        if (keep or keys >= {"name", "model"}) and kind == "model" and "# ..." not in text:
            (self.folder / "slipway.yaml").write_text(text)
            return True
        return False

    def python(self, text):
        """Runs it where its imports are there; gives whether they are."""
        tree = ast.parse(text)
        names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        if any(importlib.util.find_spec(name.partition(".")[0]) is None for name in names):
            return False
        (self.folder / "slipway.yaml").unlink(missing_ok=True)
        done = subprocess.run([sys.executable, "-c", self.real(text)], cwd=self.folder, text=True, capture_output=True,
                              timeout=120, env=self.slipway.env)
        assert done.returncode == 0, done.stderr
        self.run_count += 1
        return True


@pytest.fixture
def reader(slipway, serve, wine, tmp_path):
    folder = tmp_path / "reader"
    folder.mkdir()
    (folder / "examples").symlink_to(conftest.ROOT / "examples")
    for name in ("model.onnx", "sample.csv"):
        shutil.copy(wine.folder / name, folder)
    onnx_models.times(folder / "models/times/1/model.onnx", 3)
    (folder / "environment.yaml").write_text('deployments: {wine: {package: "wine:1.0.0"}}\n')
    (folder / "record.bin").write_bytes(struct.pack("<13f", *wine.rows[0]))
    slipway.env["PATH"] = f"{slipway.program.parent}:{os.environ['PATH']}"
    return Reader(slipway, serve, folder)


def follow(reader, blocks):
    """Does what the blocks say; gives faults as text."""
    runnable = False  # whether the folder holds the model and the settings that were shown last
    after_curl = False
    for block in blocks:
        if block.kind == "prose":
            for record, answer in ANSWERED.findall(" ".join(block.text.split())) if runnable else []:
                reader.slipway("pack", reader.folder, "--replace")
                said = reader.slipway("predict", f"{named(reader.folder)}", record).stdout
                reader.run_count += 1
                if not agrees(json.loads(answer, parse_float=Written), json.loads(said)):
                    yield f"line {block.line}: {record} is answered by {said}"
            continue
        try:
            if block.kind == "yaml":
                runnable = reader.settings(block.text, runnable)
            elif block.kind == "python":
                runnable = reader.python(block.text)
            elif block.kind == "json":
                shown = json.loads(block.text, parse_float=Written)
                if after_curl and not agrees(shown, json.loads(reader.answer)):
                    yield f"line {block.line}: the answer is {reader.answer}"
            elif block.kind in ("sh", "console"):
                for command, expected in block.commands():
                    said = reader.command(command)
                    if block.kind == "console" and said is not None and not fits(strip(expected), strip(said)):
                        yield f"line {block.line}: $ {command}\n" + "\n".join(said)
            elif block.kind != "text":
                yield f"line {block.line}: a block of the kind '{block.kind}'"
        except (AssertionError, ValueError) as error:
            yield f"line {block.line}: {error}"
        after_curl = block.kind in ("sh", "console") and reader.answer is not None


def named(folder):
    settings = yaml.safe_load((folder / "slipway.yaml").read_text())
    return f"{settings['name']}:{settings.get('version', 1)}"


def strip(lines):
    return [line for line in lines if line.strip()]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_examples_of_a_document_are_true(document, reader, wine):
    text = (conftest.ROOT / document).read_text()
    if "$ slipway pack examples/wine" not in text:  # it makes use of what README.md made
        reader.slipway("pack", wine.folder)
        reader.slipway("copy", "wine:1.0.0", reader.folder / "shelf")
    faults = list(follow(reader, blocks_of(text)))
    assert not faults, "\n\n".join(f"{document}, {fault}" for fault in faults)
    if any(block.kind in ("sh", "console") for block in blocks_of(text)) and not document.startswith("bench/"):
        assert reader.run_count > 0 or document == "docs/package-format.md"


def test_every_document_is_followed():
    written = {str(path.relative_to(conftest.ROOT)) for path in (conftest.ROOT / "docs").glob("*.md")}
    tables = {"docs/dependencies.md", "docs/plugins.md"}  # written by scripts, which other tests run
    assert written - tables <= set(DOCUMENTS)


def test_the_links_of_all_documents_lead_somewhere():
    for path in [*conftest.ROOT.glob("*.md"), *conftest.ROOT.glob("docs/*.md"), *conftest.ROOT.glob("*/*/README.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path}: {target}"


def test_what_documents_are_compared_by_tells_true_from_false():
    assert fits(["a", "...", "z"], ["a", "b", "c", "z"]) and not fits(["a", "...", "z"], ["a", "b"])
    assert fits(["time 4.4 us, sha256:0123456789abcdef"], ["time 71 us, sha256:fedcba9876543210"])
    assert fits(["score 0.9965659"], ["score 0.99656592"]) and not fits(["score 0.9965659"], ["score 0.99"])
    assert not fits(["a"], ["a", "b"]) and not fits(["ab"], ["a"])
    shown = json.loads('{"a": [1, 0.99], "d": "sha256:..."}', parse_float=Written)
    assert agrees(shown, {"a": [1, 0.9923], "d": "sha256:12"}) and not agrees(shown, {"a": [1, 0.97], "d": "sha256:12"})
    assert not agrees(shown, {"a": [1, 0.99]}) and not agrees(shown, {"a": [2, 0.99], "d": "sha256:1"})
    assert [block.kind for block in blocks_of("a\n```sh\nb\n```\nc")] == ["prose", "sh", "prose"]
    assert Block("console", 1, "$ a 'b\nc'\nd").commands() == [("a 'b\nc'", ["d"])]


def test_the_program_s_own_messages_name_documents_that_exist():
    sources = [path for folder in ("src", "plugins") for path in (conftest.ROOT / folder).rglob("*.cc")]
    for path in sources:
        for name in re.findall(r"docs/[a-z0-9-]+\.md", path.read_text()):
            assert pathlib.Path(conftest.ROOT / name).exists(), f"{path}: {name}"
