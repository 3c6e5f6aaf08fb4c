"""The rules of the house hold: wrong edges do not configure, undeclared includes do not build, faults are named."""

import shutil
import subprocess

import conftest
import pytest

MODULES = {
    "src/low/CMakeLists.txt": "slipway_module(NAME low LAYER 0)",
    "src/low/README.md": "Low.",
    "src/low/low.h": "#pragma once\nint low();\n",
    "src/low/low.cc": '#include "low/low.h"\nint low() { return 1; }\n',
    "src/high/CMakeLists.txt": "slipway_module(NAME high LAYER 2 DEPS low)",
    "src/high/README.md": "High.",
    "src/high/high.h": "#pragma once\n",
    "src/high/high.cc": '#include "high/high.h"\n\n#include "low/low.h"\nint high() { return low() + 1; }\n',
}


@pytest.fixture
def house(tmp_path):
    """An empty house with two modules; house(FILES) writes more files and gives the configure step's result."""
    for name in ("cmake", "scripts", "fuzz"):
        shutil.copytree(conftest.ROOT / name, tmp_path / name)
    for name in ("CMakeLists.txt", "CMakePresets.json", "LICENSE"):
        shutil.copy(conftest.ROOT / name, tmp_path / name)
    (tmp_path / "scripts/tree_allow.txt").write_text("")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)

    def write(files):
        for name, text in {**MODULES, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return run("cmake", "--preset", "dev")

    def run(*command):
        done = subprocess.run(command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        done.stdout = " ".join(done.stdout.split())  # CMake breaks long lines
        return done

    write.run = run
    write.root = tmp_path
    return write


def check_includes(house):
    return house.run("scripts/check_includes.py", "--parts", "build/dev/generated/parts.txt", "--root", ".")


def test_a_module_may_not_use_a_higher_layer(house):
    done = house({"src/low/CMakeLists.txt": "slipway_module(NAME low LAYER 0 DEPS high)"})
    assert done.returncode != 0
    assert "'low' is in layer 0 and may not use 'high', which is in layer 2" in done.stdout


def test_a_module_may_not_use_its_own_layer_or_an_unknown_one(house):
    done = house({"src/low/CMakeLists.txt": "slipway_module(NAME low LAYER 2 DEPS ghost)"})
    assert done.returncode != 0
    assert "'high' is in layer 2 and may not use 'low', which is in layer 2" in done.stdout
    assert "DEPS names 'ghost', which is no module" in done.stdout


def test_a_plugin_of_no_known_kind_does_not_configure(house):
    done = house({"plugins/toasters/foo/CMakeLists.txt": "slipway_plugin()"})
    assert done.returncode != 0
    assert "plugins/toasters is no kind of plugin" in done.stdout


def test_includes_must_be_declared_and_third_parties_stay_with_their_owner(house):
    assert house({}).returncode == 0
    assert check_includes(house).returncode == 0
    house({"src/low/bad.h": "#pragma once\n"
                            '#include "high/high.h"\n#include <boost/asio.hpp>\n#include <gtest/gtest.h>\n#include <ghost/x.h>\n'})
    done = check_includes(house)
    assert done.returncode == 1
    assert 'bad.h:2: "high/high.h" needs high in DEPS of src/low/CMakeLists.txt' in done.stdout
    assert '"boost/asio.hpp" belongs to src/net' in done.stdout
    assert '"gtest/gtest.h" is for tests' in done.stdout
    assert '"ghost/x.h" is of no dependency' in done.stdout


def test_an_undeclared_include_fails_the_build(house):
    assert house({"src/low/low.cc": '#include "high/high.h"\nint low() { return 1; }\n'}).returncode == 0
    done = house.run("cmake", "--build", "--preset", "dev")
    assert done.returncode != 0
    assert "needs high in DEPS of src/low/CMakeLists.txt" in done.stdout


def test_a_plugin_folder_alone_enters_the_generated_table(house):
    done = house({
        "src/contracts/store/CMakeLists.txt": "slipway_module(NAME contracts_store LAYER 4 DEPS low)",
        "src/contracts/store/README.md": "Stores.",
        "src/contracts/store/store.h": "#pragma once\nnamespace slipway::store { struct Host {}; struct StoreFactory {}; }\n",
        "plugins/stores/foo/CMakeLists.txt": "slipway_plugin(DEPS contracts_store)",
    })
    assert done.returncode == 0, done.stdout
    table = house.run("cat", "build/dev/generated/app/plugin_table.gen.cc").stdout
    assert '{"foo", &make_store_foo},' in table


def test_the_tree_check_names_file_line_and_the_way_out(house):
    house({"src/low/low.cc": "int low() {\n  int* p = new int;\n  sleep(1);  // not in a comment: strcpy(a, b)\n  return *p;\n}\n",
           "src/low/long.cc": "int x;\n" * 601})
    done = house.run("scripts/check_tree.py")
    assert done.returncode == 1
    assert "src/low/low.cc:2: new-delete:" in done.stdout and "use std::make_unique" in done.stdout
    assert "src/low/low.cc:3: sleep:" in done.stdout
    assert "src/low/long.cc:1: size: 601 lines; at most 600" in done.stdout
    assert "unsafe-c" not in done.stdout


def test_a_plugin_says_what_it_is_and_whose_parts_it_takes(house):
    plugin = {
        "plugins/stores/foo/CMakeLists.txt": "slipway_plugin()",
        "plugins/stores/foo/README.md": "# foo\n\nKeeps nothing. Really.\n",
    }
    house(plugin)
    assert "plugins/stores/foo:1: part: plugin.json is missing" in house.run("scripts/check_tree.py").stdout
    house({**plugin, "plugins/stores/foo/plugin.json": '{"kind": "dialect", "status": "new", "posture": "hardened", '
                                                       '"third_party": ["zlib1g-dev"], "license": "MIT"}'})
    done = house.run("scripts/check_tree.py")
    assert done.returncode == 1
    for fault in ('the key "licence" is missing', 'unknown key "license"; keys are kind, status, posture, licence, third_party',
                  'status is "new"; it is one of experimental, beta, stable',
                  'kind is "dialect", but the folder\'s is "store"', 'third_party names "zlib1g-dev", which plugins/stores/foo'):
        assert f"plugins/stores/foo/plugin.json:1: plugin: {fault}" in done.stdout
    house({**plugin, "plugins/stores/foo/plugin.json": '{"kind": "store", "kind": "store"}'})
    assert "plugin: a key is there twice" in house.run("scripts/check_tree.py").stdout
    house({**plugin, "plugins/stores/foo/plugin.json": '{"kind": "store", "status": "beta", "posture": "hardened", '
                                                       '"third_party": [], "licence": "MIT"}'})
    assert "plugins/stores/foo" not in house.run("scripts/check_tree.py").stdout
    (house.root / "docs").mkdir()
    assert "run scripts/check_plugins.py --write" in house.run("scripts/check_plugins.py").stdout
    assert house.run("scripts/check_plugins.py", "--write").returncode == 0
    assert house.run("scripts/check_plugins.py").returncode == 0
    assert "| Keeps nothing | beta | hardened | none | MIT |" in (house.root / "docs/plugins.md").read_text()


def test_an_exception_of_the_tree_check_can_only_shrink(house):
    house({"scripts/tree_allow.txt": "sleep | src/low/low.cc | 1 | no longer needed\n"})
    done = house.run("scripts/check_tree.py")
    assert done.returncode == 1
    assert "allows 1 of 'sleep' in src/low/low.cc, which has 0; lower it" in done.stdout
