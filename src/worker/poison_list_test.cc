#include "worker/poison_list.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "io/file_helpers.h"
#include "io/testing/faulty_filesystem.h"
#include "io/testing/temp_dir.h"

namespace slipway::worker {
namespace {

using io::testing::Persistence;
using std::chrono::minutes;

const crypto::Digest kModel = crypto::Sha256::of("model");
const crypto::Digest kOther = crypto::Sha256::of("other model");
const crypto::Digest kBad = crypto::Sha256::of("bad");

class PoisonListTest : public ::testing::Test {
 protected:
  PoisonListTest() { clock_.set_wall(WallTime(std::chrono::hours(500'000))); }

  std::unique_ptr<PoisonList> open(io::FileSystem& files) {
    auto list = PoisonList::open(files, path_, clock_);
    EXPECT_TRUE(list.ok()) << list.status().to_string();
    return *std::move(list);
  }
  std::unique_ptr<PoisonList> open() { return open(*fs_); }
  [[nodiscard]] PoisonRecord record(const crypto::Digest& model, const crypto::Digest& request, int deaths,
                                    Duration left = minutes(10)) const {
    return {model, request, deaths, clock_.wall_now() + left};
  }
  static Status note(PoisonList& list, const PoisonRecord& record) { return list.note({&record, 1}); }

  ManualClock clock_;
  io::testing::TempDir dir_;
  std::unique_ptr<io::FileSystem> fs_ = io::make_os_filesystem();
  std::string path_ = dir_ / "poison.json";
};

TEST_F(PoisonListTest, IsThereAfterARestartUntilItsTime) {
  EXPECT_TRUE(open()->of(kModel).empty());
  const PoisonRecord bad = record(kModel, kBad, 2);
  {
    const auto list = open();
    ASSERT_TRUE(note(*list, record(kModel, kBad, 1, minutes(3))).ok());
    ASSERT_TRUE(note(*list, bad).ok());
    EXPECT_EQ(list->of(kModel), std::vector{bad});
  }
  clock_.advance(minutes(10) - std::chrono::milliseconds(1));
  EXPECT_EQ(open()->of(kModel), std::vector{bad});
  EXPECT_TRUE(open()->of(kOther).empty());
  clock_.advance(std::chrono::milliseconds(1));
  EXPECT_TRUE(open()->of(kModel).empty());
}

TEST_F(PoisonListTest, TellsFirstWhatIsForgottenFirst) {
  const auto list = open();
  const PoisonRecord late = record(kModel, crypto::Sha256::of("a"), 1, minutes(9));
  const PoisonRecord soon = record(kModel, crypto::Sha256::of("b"), 2, minutes(1));
  const PoisonRecord between = record(kModel, crypto::Sha256::of("c"), 1, minutes(5));
  const PoisonRecord all[] = {late, soon, between};
  ASSERT_TRUE(list->note(all).ok());
  EXPECT_EQ(open()->of(kModel), (std::vector{soon, between, late}));
}

TEST_F(PoisonListTest, ForgetsWhatWasAcquittedWithTheNextDeath) {
  const auto list = open();
  ASSERT_TRUE(note(*list, record(kModel, kBad, 1)).ok());
  list->acquit(kModel, kBad);
  EXPECT_TRUE(list->of(kModel).empty());
  ASSERT_TRUE(note(*list, record(kOther, kBad, 1)).ok());
  EXPECT_TRUE(open()->of(kModel).empty());
  EXPECT_EQ(open()->of(kOther).size(), 1U);
}

TEST_F(PoisonListTest, IsBounded) {
  const auto list = open();
  ASSERT_TRUE(note(*list, record(kModel, kBad, 2, minutes(1))).ok());
  std::vector<PoisonRecord> many;
  for (std::size_t i = 0; i < PoisonList::kMost; ++i)
    many.push_back(record(kOther, crypto::Sha256::of(std::to_string(i)), 1));
  ASSERT_TRUE(list->note(many).ok());
  EXPECT_TRUE(list->of(kModel).empty()) << "what is forgotten soonest goes";
  EXPECT_EQ(open()->of(kOther).size(), PoisonList::kMost);
}

TEST_F(PoisonListTest, IsOldOrNewWhateverFails) {
  for (const auto& [persistence, cause] :
       {std::pair{Persistence::kOnce, EIO}, std::pair{Persistence::kFromThenOn, ENOSPC}}) {
    bool succeeded = false;
    for (std::uint64_t n = 1; !succeeded; ++n) {
      SCOPED_TRACE(n);
      const PoisonRecord old = record(kModel, kBad, 1);
      const PoisonRecord changed = record(kModel, kBad, 2);
      ASSERT_TRUE(note(*open(), old).ok());
      io::testing::FaultyFileSystem faulty(*fs_);
      const auto list = open(faulty);
      faulty.fail_at(n, persistence, cause);
      const Status noted = note(*list, changed);
      succeeded = noted.ok() && !faulty.fired();
      faulty.heal();
      EXPECT_EQ(list->of(kModel), std::vector{changed}) << "it holds here in any case";
      const auto found = open()->of(kModel);
      EXPECT_TRUE(found == std::vector{changed} || (!noted.ok() && found == std::vector{old}));
    }
  }
}

TEST_F(PoisonListTest, RefusesAFileThatIsDamaged) {
  const std::string good = R"({"model":")" + kModel.hex() + R"(","request":")" + kBad.hex() + "\",";
  const std::string texts[] = {
      "",
      "[]",
      "{}",
      R"({"format":2,"requests":[]})",
      R"({"format":1})",
      R"({"format":1,"requests":{}})",
      R"({"format":1,"requests":[1]})",
      R"({"format":1,"requests":[{}]})",
      R"({"format":1,"requests":[)" + good + R"("deaths":-1,"until_ms":1}]})",
      R"({"format":1,"requests":[)" + good + R"("deaths":1000001,"until_ms":1}]})",
      R"({"format":1,"requests":[)" + good + R"("deaths":1,"until_ms":9000000000001}]})",
      R"({"format":1,"requests":[)" + good + R"("deaths":1}]})",
      R"({"format":1,"requests":[{"model":"ab","request":"ab","deaths":1,"until_ms":1}]})"};
  for (const std::string& text : texts) {
    ASSERT_TRUE(io::write_atomically(*fs_, path_, as_bytes(text)).ok());
    const auto list = PoisonList::open(*fs_, path_, clock_);
    ASSERT_FALSE(list.ok()) << text;
    EXPECT_EQ(list.error().id(), "worker.poison_damaged") << text;
  }
}

}  // namespace
}  // namespace slipway::worker
