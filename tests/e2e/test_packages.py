"""The verbs that make and look after packages, as a person runs them."""

import filecmp
import hashlib
import json
import shutil
import subprocess

import onnx_models
import pytest


@pytest.fixture
def packed(slipway, wine):
    """What pack reported of the wine example, now in the store."""
    return slipway.json("pack", wine.folder)


def blobs_of(store):
    return sorted(path.name for path in (store / "blobs/sha256").iterdir())


def test_pack_of_a_folder_reports_what_it_inferred(packed, wine):
    assert (packed["name"], packed["version"]) == ("wine", "1.0.0")
    assert packed["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1, 13]}]
    assert [(o["name"], o["datatype"]) for o in packed["outputs"]] == [
        ("output_label", "INT64"), ("output_probability", "FP32")]
    assert packed["batchable"] and packed["deterministic"] and not packed["synthetic"]
    assert packed["records"] == len(wine.rows)
    assert 0 < packed["golden"] <= len(wine.rows)
    assert packed["time_per_call_us"] > 0


def test_pack_twice_gives_the_same_bytes_wherever_it_runs(slipway, wine, tmp_path, packed):
    shutil.copytree(wine.folder, tmp_path / "elsewhere")
    again = slipway.json("pack", tmp_path / "elsewhere", "--store", tmp_path / "other")
    assert again["digest"] == packed["digest"]
    assert blobs_of(tmp_path / "other") == blobs_of(slipway.home / "store")


def test_pack_of_a_bare_model_makes_records_up_and_says_so(slipway, tmp_path):
    model = onnx_models.times(tmp_path / "times.onnx", 3)
    report = slipway.json("pack", model, "--name", "three", "--version", "7")
    assert (report["name"], report["version"]) == ("three", "7")
    assert report["synthetic"]
    assert not any(note.startswith(("name:", "version:")) for note in report["notes"])  # these were given
    again = slipway.json("pack", model, "--name", "three", "--version", "7", "--store", tmp_path / "again")
    assert again["digest"] == report["digest"]
    unnamed = slipway.json("pack", model)
    assert (unnamed["name"], unnamed["version"]) == ("times", "1")
    assert "name: 'times', from the file's name" in unnamed["notes"]
    (tmp_path / "folder").mkdir()
    model.rename(tmp_path / "folder/times.onnx")
    folder = slipway.json("pack", tmp_path / "folder", "--version", "2")
    assert (folder["name"], folder["version"]) == ("folder", "2")
    assert [note for note in folder["notes"] if note.startswith(("name:", "version:"))] == [
        "name: 'folder', from the folder's name"]


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_pack_takes_a_sample_in_each_form(slipway, tmp_path, form):
    model = onnx_models.times(tmp_path / "times.onnx", 3)
    records = [{"x": [1, 2]}, {"x": [3, 4]}]
    text = {"csv": 'x\n"[1,2]"\n"[3,4]"\n', "json": json.dumps(records),
            "jsonl": "".join(json.dumps(record) + "\n" for record in records)}[form]
    (tmp_path / f"sample.{form}").write_text(text)
    report = slipway.json("pack", model, "--sample", tmp_path / f"sample.{form}")
    assert (report["records"], report["synthetic"]) == (2, False)


def test_a_sample_that_does_not_fit_is_refused_with_every_fault(slipway, wine, tmp_path):
    shutil.copytree(wine.folder, tmp_path / "bad")
    header = ",".join(wine.columns)
    (tmp_path / "bad/sample.csv").write_text(
        header.replace("alcohol", "alcool") + "\n" + ",".join(["1"] * 12 + ["much"]) + "\n")
    error = json.loads(slipway("pack", tmp_path / "bad", "--json", code=1).stderr)["error"]
    text = json.dumps(error)
    for part in ("alcool", "alcohol", "proline", "much"):
        assert part in text, text
    assert not (slipway.home / "store/index.json").exists()


def test_open_dimensions_are_asked_for_not_guessed(slipway, tmp_path):
    model = onnx_models.open_shape(tmp_path / "open.onnx")
    assert "--shape image=1,3,SIZE,SIZE" in slipway("pack", model, code=1).stderr
    assert slipway.json("pack", model, "--shape", "image=1,3,4,4")["inputs"][0]["shape"] == [-1, 3, 4, 4]
    for shape, says in (("imge=1,3,4,4", "did you mean 'image'"), ("image=1,3,4", "3 dimensions"), ("image", "no shape"),
                        ("image=1,3,4,99999999999999999999", "no shape")):
        assert says in slipway("pack", model, "--shape", shape, code=1).stderr


def test_a_taken_version_is_refused_until_replaced(slipway, packed, tmp_path):
    model = onnx_models.times(tmp_path / "times.onnx", 3)
    words = ("pack", model, "--name", "wine", "--version", "1.0.0")
    error = json.loads(slipway(*words, "--json", code=1).stderr)["error"]
    assert (error["code"], error["id"]) == ("ALREADY_EXISTS", "package.version_taken")
    assert slipway.json("inspect", "wine:1.0.0")["digest"] == packed["digest"]
    replaced = slipway.json(*words, "--replace")
    assert slipway.json("inspect", "wine:1.0.0")["digest"] == replaced["digest"] != packed["digest"]


def test_a_name_that_is_none_is_refused(slipway, tmp_path):
    model = onnx_models.times(tmp_path / "times.onnx", 3)
    for name in ("../up", "a/b", ".hidden", "wine%2f", "", "a" * 129, "wein\n"):
        if name:
            assert "is not a name" in slipway("pack", model, "--name", name, code=1).stderr
        assert "is not a" in slipway("pack", model, "--version", name or "/", code=1).stderr
    assert not (slipway.home / "store/index.json").exists()


def test_init_writes_settings_that_pack_takes(slipway, wine, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("model.onnx", "sample.csv"):
        shutil.copy(wine.folder / name, folder)
    slipway("init", folder)
    slipway("check", folder / "slipway.yaml")
    text = (folder / "slipway.yaml").read_text()
    assert all(f"name: {column}" in text for column in wine.columns)
    assert slipway.json("pack", folder)["records"] == len(wine.rows)
    assert "--force" in slipway("init", folder, code=1).stderr
    assert (folder / "slipway.yaml").read_text() == text
    slipway("init", folder, "--force")
    (tmp_path / "empty").mkdir()
    assert "no_model" in slipway("init", tmp_path / "empty", "--json", code=1).stderr


def test_inspect_and_list_say_what_is_there(slipway, packed):
    shown = slipway.json("inspect", "wine")
    assert shown["digest"] == packed["digest"]
    assert shown["package"]["golden"]["count"] == packed["golden"]
    assert {file["path"] for file in shown["package"]["files"]} >= {"model.onnx", "README.md", "slipway/golden.jsonl"}
    assert "wine:1.0.0" in slipway("inspect", f"wine@{packed['digest']}").stdout
    assert slipway("list", "--names").stdout == "wine:1.0.0\n"
    [row] = slipway.json("list")
    assert (row["name"], row["version"], row["digest"]) == ("wine", "1.0.0", packed["digest"])
    assert row["size_bytes"] == shown["size_bytes"] > 0
    assert "wine:1.0.0" in slipway("list").stdout


def test_an_empty_store_lists_nothing_and_names_the_way_on(slipway):
    assert slipway.json("list") == []
    assert "slipway pack" in slipway("list").stderr
    for verb in ("inspect", "verify", "unpack", "remove", "golden"):
        error = json.loads(slipway(verb, "wine", "--json", code=1).stderr)["error"]
        assert error["code"] == "NOT_FOUND" and "wine" in error["message"]


def test_unpack_gives_the_files_that_were_packed(slipway, packed, wine, tmp_path):
    slipway("unpack", "wine:1.0.0", tmp_path / "files")
    for name in ("model.onnx", "slipway.yaml", "README.md"):
        assert filecmp.cmp(wine.folder / name, tmp_path / "files" / name, shallow=False), name
    # The set digest by the command that docs/package-format.md gives for it.
    command = (r"find . -type f ! -path ./slipway/package.json -printf '%P\0' | xargs -0 sha256sum | LC_ALL=C sort "
               "| sha256sum")
    done = subprocess.run(command, shell=True, cwd=tmp_path / "files", text=True, capture_output=True, check=True)
    assert "sha256:" + done.stdout.split()[0] == slipway.json("inspect", "wine")["package"]["set"]
    before = sorted(tmp_path.glob("files/**/*"))
    slipway("unpack", "wine:1.0.0", tmp_path / "files", code=1)  # not into what is there
    assert sorted(tmp_path.glob("files/**/*")) == before


def test_unpacked_files_can_be_packed_again(slipway, packed, wine, tmp_path):
    """The folder that a package gives back is a folder that pack takes, with the same golden answers."""
    slipway("unpack", "wine:1.0.0", tmp_path / "files")
    shutil.copy(wine.folder / "sample.csv", tmp_path / "files")
    again = slipway.json("pack", tmp_path / "files", "--store", tmp_path / "again")
    assert again["golden"] == packed["golden"]


def test_the_digest_of_a_package_is_that_of_its_manifest(slipway, packed):
    algorithm, hexadecimal = packed["digest"].split(":")
    manifest = (slipway.home / "store/blobs" / algorithm / hexadecimal).read_bytes()
    assert hashlib.sha256(manifest).hexdigest() == hexadecimal
    for layer in json.loads(manifest)["layers"]:
        blob = (slipway.home / "store/blobs" / layer["digest"].replace(":", "/")).read_bytes()
        assert len(blob) == layer["size"]
        assert "sha256:" + hashlib.sha256(blob).hexdigest() == layer["digest"]


def test_copy_moves_only_what_is_missing(slipway, packed, tmp_path):
    shelf = f"file://{tmp_path}/shelf"
    first = slipway.json("copy", "wine:1.0.0", f"{shelf}/wine:1.0.0")
    assert first["digest"] == packed["digest"]
    assert first["moved_blobs"] > 0 and first["skipped_blobs"] == 0
    assert blobs_of(tmp_path / "shelf") == blobs_of(slipway.home / "store")
    second = slipway.json("copy", "wine:1.0.0", shelf)
    assert (second["moved_blobs"], second["moved_bytes"]) == (0, 0)
    assert second["skipped_blobs"] == first["moved_blobs"]
    slipway("verify", f"{shelf}/wine:1.0.0")
    slipway("remove", "wine")
    back = slipway.json("copy", f"{tmp_path}/shelf/wine:1.0.0", "wine:1.0.0")  # a plain path, into the local store
    assert (back["digest"], back["moved_blobs"]) == (packed["digest"], first["moved_blobs"])
    assert slipway("list", "--names").stdout == "wine:1.0.0\n"


def test_copy_refuses_a_wrong_name_and_changes_nothing(slipway, packed, tmp_path):
    error = json.loads(slipway("copy", "wine:1.0.0", f"{tmp_path}/shelf/wein:1.0.0", "--json", code=1).stderr)["error"]
    assert error["id"] == "app.copy_renames"
    for source in ("wein:1.0.0", "wine:2", f"{tmp_path}/nowhere/wine:1.0.0"):
        slipway("copy", source, f"{tmp_path}/shelf", code=1)
    assert not (tmp_path / "shelf").exists()
    assert "no store" in slipway("copy", "wine:1.0.0", "s3://bucket/wine", code=1).stderr


def test_copy_onto_another_package_of_that_name_needs_replace(slipway, packed, tmp_path):
    model = onnx_models.times(tmp_path / "times.onnx", 3)
    slipway("pack", model, "--name", "wine", "--version", "1.0.0", "--store", tmp_path / "other")
    slipway("copy", f"{tmp_path}/other/wine:1.0.0", "wine:1.0.0", code=1)
    assert slipway.json("inspect", "wine")["digest"] == packed["digest"]
    slipway("copy", f"{tmp_path}/other/wine:1.0.0", "wine:1.0.0", "--replace")
    assert slipway.json("inspect", "wine")["digest"] != packed["digest"]


def test_remove_takes_one_version_or_all_and_frees_what_nobody_needs(slipway, packed, tmp_path):
    model = onnx_models.times(tmp_path / "times.onnx", 3)
    for version in ("2.0.0", "3.0.0"):
        slipway("pack", model, "--name", "wine", "--version", version)
    slipway("pack", model, "--name", "other")
    removed = slipway.json("remove", "wine:1.0.0")
    assert [package["digest"] for package in removed["removed"]] == [packed["digest"]]
    assert removed["bytes"] > 0
    assert slipway("list", "--names").stdout == "other:1\nwine:2.0.0\nwine:3.0.0\n"
    slipway("remove", "wine")
    assert slipway("list", "--names").stdout == "other:1\n"
    slipway("verify", "other:1")  # it shares blobs with what went
    slipway("remove", "other")
    assert blobs_of(slipway.home / "store") == []


def test_two_packs_at_once_both_land(slipway, tmp_path):
    model = onnx_models.times(tmp_path / "times.onnx", 3)
    running = [subprocess.Popen([slipway.program, "pack", model, "--name", f"m{i}"], env=slipway.env, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for i in range(4)]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 4, said
    assert slipway("list", "--names").stdout == "m0:1\nm1:1\nm2:1\nm3:1\n"
    for i in range(4):
        slipway("verify", f"m{i}:1")
