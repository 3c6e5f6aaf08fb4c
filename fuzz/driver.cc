// Runs a fuzz target without libFuzzer: every file of the given folders as it is, then a fixed time of simple
// mutations of them from a fixed seed. So the plain test run replays the corpora, also under the sanitizers.
//
//   target [--seconds N] [--seed N] FILE_OR_FOLDER...

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  // One to eight small edits of a corpus input: flips, inserts, removals, repeats, splices, boundary bytes.
  Bytes mutate(const std::vector<Bytes>& corpus) {
    Bytes bytes = corpus[below(corpus.size())];
    const std::size_t edits = 1 + below(8);
    for (std::size_t i = 0; i < edits; ++i) edit(bytes, corpus);
    if (bytes.size() > kMaxBytes) bytes.resize(kMaxBytes);
    return bytes;
  }

 private:
  static constexpr std::size_t kMaxBytes = 1 << 16;

  std::size_t below(std::size_t bound) {
    return bound == 0 ? 0 : static_cast<std::size_t>(random_() % bound);
  }

  std::ptrdiff_t position(const Bytes& bytes) { return static_cast<std::ptrdiff_t>(below(bytes.size() + 1)); }

  void edit(Bytes& bytes, const std::vector<Bytes>& corpus) {
    static constexpr std::uint8_t kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '"',
                                              '{',  '[',  ':',  '\\', '\n', '-'};
    const std::size_t choice = below(6);
    if (bytes.empty() || choice == 0) {
      bytes.insert(bytes.begin() + position(bytes), kEdges[below(std::size(kEdges))]);
    } else if (choice == 1) {
      bytes[below(bytes.size())] ^= static_cast<std::uint8_t>(1U << below(8));
    } else if (choice == 2) {
      bytes[below(bytes.size())] = kEdges[below(std::size(kEdges))];
    } else if (choice == 3) {
      const std::size_t from = below(bytes.size());
      const std::size_t count = 1 + below(bytes.size() - from);
      const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(from);
      bytes.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
    } else if (choice == 4) {
      const std::size_t from = below(bytes.size());
      const std::size_t count = 1 + below(bytes.size() - from);
      const Bytes part(bytes.begin() + static_cast<std::ptrdiff_t>(from),
                       bytes.begin() + static_cast<std::ptrdiff_t>(from + count));
      bytes.insert(bytes.begin() + position(bytes), part.begin(), part.end());
    } else {
      const Bytes& other = corpus[below(corpus.size())];
      const std::size_t from = below(other.size());
      bytes.resize(below(bytes.size() + 1));
      bytes.insert(bytes.end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
    }
  }

  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  double seconds = 1;
  std::uint64_t seed = 1;
  std::vector<Bytes> corpus;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--seconds" && i + 1 < argc) {
      seconds = std::strtod(argv[++i], nullptr);
    } else if (argument == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (std::filesystem::is_directory(argument)) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(argument)) {
        if (entry.is_regular_file()) corpus.push_back(read_file(entry.path()));
      }
    } else if (std::filesystem::is_regular_file(argument)) {
      corpus.push_back(read_file(argument));
    } else {
      std::fprintf(stderr, "no such corpus: %s\n", argv[i]);
      return 2;
    }
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "the corpus is empty\n");
    return 2;
  }
  for (const Bytes& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());

  Mutator mutator(seed);
  std::uint64_t runs = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    const Bytes input = mutator.mutate(corpus);
    LLVMFuzzerTestOneInput(input.data(), input.size());
    ++runs;
  }
  std::printf("%zu corpus inputs, %llu mutations, seed %llu\n", corpus.size(),
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(seed));
  return 0;
}
