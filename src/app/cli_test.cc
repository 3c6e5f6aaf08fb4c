#include "app/cli.h"

#include <gtest/gtest.h>

#include <set>

namespace slipway::app {
namespace {

struct Said {
  Exit exit;
  std::string out, err;
};

Said run(const std::vector<std::string>& words) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const Exit exit = run_command_line(words);
  return {exit, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
}

TEST(CommandLine, ListsEveryVerbInItsHelp) {
  const Said said = run({"--help"});
  EXPECT_EQ(said.exit, Exit::kDone);
  for (const Verb& verb : all_verbs())
    EXPECT_NE(said.out.find("\n  " + verb.name + " "), std::string::npos) << verb.name;
}

TEST(CommandLine, WithoutWordsIsAUsageError) {
  const Said said = run({});
  EXPECT_EQ(said.exit, Exit::kUsage);
  EXPECT_NE(said.err.find("Usage: slipway VERB"), std::string::npos);
}

TEST(CommandLine, EveryVerbHasAHelpWithItsArgumentsAndExamples) {
  for (const Verb& verb : all_verbs()) {
    const Said said = run({verb.name, "--help"});
    EXPECT_EQ(said.exit, Exit::kDone) << verb.name;
    EXPECT_FALSE(verb.examples.empty()) << verb.name;
    for (const Example& example : verb.examples) {
      EXPECT_NE(said.out.find(example.command), std::string::npos) << verb.name;
    }
    for (const Argument& argument : verb.arguments) {
      const std::string name = argument.names.substr(argument.names.rfind(',') + 1);
      EXPECT_NE(said.out.find(name), std::string::npos) << verb.name << " " << name;
    }
  }
}

TEST(CommandLine, NamesTheFixOfAWrongWord) {
  struct Row {
    std::vector<std::string> words;
    const char* fix;
  };
  const Row rows[] = {
      {{"srve"}, "did you mean: slipway serve"},
      {{"zzzz"}, "slipway --help lists the verbs"},
      {{"serve", "--prot", "1"}, "did you mean --port?"},
      {{"serve", "--port", "many"}, "slipway serve --help shows what it takes"},
      {{"inspect"}, "slipway inspect --help shows what it takes"},
      {{"completion", "fish"}, "slipway completion --help shows what it takes"},
  };
  for (const Row& row : rows) {
    const Said said = run(row.words);
    EXPECT_EQ(said.exit, Exit::kUsage) << row.words.front();
    EXPECT_NE(said.err.find(row.fix), std::string::npos) << said.err;
    EXPECT_EQ(said.out, "");
  }
}

TEST(CommandLine, VerbsAndOptionsAreNamedOnce) {
  std::set<std::string> verbs;
  for (const Verb& verb : all_verbs()) {
    EXPECT_TRUE(verbs.insert(verb.name).second) << verb.name;
    std::set<std::string> names = {"-h", "--help", "--json", "-q", "--quiet", "-v", "--verbose"};
    for (const Argument& argument : verb.arguments) {
      std::string_view rest = argument.names;
      while (!rest.empty()) {
        const std::size_t comma = rest.find(',');
        EXPECT_TRUE(names.emplace(rest.substr(0, comma)).second) << verb.name << " " << argument.names;
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
      }
    }
  }
}

TEST(Completion, KnowsEveryVerbAndOption) {
  const std::vector<Verb> verbs = all_verbs();
  for (const char* shell : {"bash", "zsh"}) {
    const std::string script = completion_script(shell, verbs);
    for (const Verb& verb : verbs) {
      EXPECT_NE(script.find("    " + verb.name + ")\n"), std::string::npos) << verb.name;
      for (const Argument& argument : verb.arguments) {
        if (!argument.is_positional()) {
          EXPECT_NE(script.find(argument.names.substr(argument.names.rfind(',') + 1)), std::string::npos);
        }
      }
    }
  }
}

}  // namespace
}  // namespace slipway::app
