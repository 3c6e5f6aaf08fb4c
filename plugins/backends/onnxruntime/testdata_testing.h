// The models of testdata/, as model files for tests.
#pragma once

#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "contracts/backend/testing/memory_files.h"
#include "testing/paths.gen.h"

namespace slipway::onnxruntime {

inline std::string read_testdata(const std::string& file) {
  std::ifstream in(testing::source_dir() + "/plugins/backends/onnxruntime/testdata/" + file,
                   std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

inline std::unique_ptr<backend::testing::MemoryModelFiles> test_model(const std::string& file) {
  auto files = std::make_unique<backend::testing::MemoryModelFiles>();
  files->add(file, read_testdata(file));
  files->add("weights.bin", read_testdata("weights.bin"));
  return files;
}

/// "FILE OUTPUT" -> the values that ONNX Runtime's Python interface gave, floats as hexadecimal text.
inline std::map<std::string, std::vector<std::string>> read_expected() {
  std::map<std::string, std::vector<std::string>> expected;
  std::istringstream lines(read_testdata("expected.txt"));
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> words(1);
    for (const char c : line) {
      if (c == ' ') {
        words.emplace_back();
      } else {
        words.back().push_back(c);
      }
    }
    expected[words[0] + " " + words[1]].assign(words.begin() + 2, words.end());
  }
  return expected;
}

}  // namespace slipway::onnxruntime
