#include "contracts/store/testing/conformance.h"

namespace slipway::store::testing {
namespace {

using Condition = PutOptions::Condition;

std::string id_of(const Status& status) { return status.ok() ? "OK" : status.error().id(); }

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformance);

void PrintTo(const StoreSubject& subject, std::ostream* out) { *out << subject.name; }

void StoreConformance::SetUp() {
  subject_ = GetParam().make();
  store_ = subject_->open();
}

std::string StoreConformance::get(std::string_view key, std::uint64_t offset, std::uint64_t length) {
  std::string content;
  const Status status = store_->get(key, offset, length, [&content](ByteView part) {
    content += as_text(part);
    return Status();
  });
  return status.ok() ? content : status.error().id();
}

std::string StoreConformance::keys(std::string_view prefix) {
  std::string text;
  const auto objects = store_->list(prefix);
  if (!objects.ok()) return objects.error().id();
  for (const ObjectInfo& object : *objects) text += object.key + " ";
  return text;
}

TEST_P(StoreConformance, GivesBackWhatWasPutByRanges) {
  ASSERT_EQ(id_of(put_all(*store_, "models/a", as_bytes("0123456789"))), "OK");
  EXPECT_EQ(store_->stat("models/a").value().size_bytes, 10U);
  EXPECT_EQ(store_->stat("models/a").value().key, "models/a");
  EXPECT_EQ(get("models/a"), "0123456789");
  EXPECT_EQ(get("models/a", 3), "3456789");
  EXPECT_EQ(get("models/a", 3, 4), "3456");
  EXPECT_EQ(get("models/a", 8, 100), "89");
  EXPECT_EQ(get("models/a", 10), "");
  EXPECT_EQ(get("models/a", 0, 0), "");
  EXPECT_EQ(get("models/a", 11), "store.range");
  ASSERT_EQ(id_of(put_all(*store_, "empty", {})), "OK");
  EXPECT_EQ(get("empty"), "");
  EXPECT_EQ(get_all(*store_, "models/a", 9).error().id(), "store.too_large");
}

TEST_P(StoreConformance, SaysWhatIsMissing) {
  EXPECT_EQ(get("none"), "store.not_found");
  EXPECT_EQ(get("none/deep"), "store.not_found");
  EXPECT_EQ(store_->stat("none").error().code(), Code::kNotFound);
  EXPECT_EQ(id_of(store_->remove("none")), "store.not_found");
}

TEST_P(StoreConformance, RefusesKeysOutsideTheGrammar) {
  for (const char* key :
       {"", "/a", "a/", "a//b", "..", "a/../b", ".hidden", "a/.b", "a b", "a\\b", "a%2f", "\xc3\xa4"}) {
    EXPECT_EQ(store_->stat(key).error().id(), "store.key") << key;
    EXPECT_EQ(get(key), "store.key") << key;
    EXPECT_EQ(id_of(store_->remove(key)), "store.key") << key;
    EXPECT_EQ(store_->begin_put(key, {}).error().id(), "store.key") << key;
  }
}

TEST_P(StoreConformance, ShowsNothingBeforeCommit) {
  {
    auto upload = store_->begin_put("a", {}).value();
    ASSERT_TRUE(upload->write(as_bytes("half")).ok());
    EXPECT_EQ(get("a"), "store.not_found");
    EXPECT_EQ(keys(""), "");
  }
  EXPECT_EQ(get("a"), "store.not_found");
  ASSERT_EQ(id_of(put_all(*store_, "a", as_bytes("old"))), "OK");
  auto upload = store_->begin_put("a", {}).value();
  ASSERT_TRUE(upload->write(as_bytes("new")).ok());
  EXPECT_EQ(get("a"), "old");
  ASSERT_TRUE(upload->commit().ok());
  EXPECT_EQ(get("a"), "new");
}

TEST_P(StoreConformance, KeepsConditions) {
  const PutOptions if_absent{Condition::kIfAbsent, "", ""};
  ASSERT_EQ(id_of(put_all(*store_, "a", as_bytes("1"), if_absent)), "OK");
  EXPECT_EQ(id_of(put_all(*store_, "a", as_bytes("2"), if_absent)), "store.condition");
  const std::string etag = store_->stat("a").value().etag;
  ASSERT_EQ(id_of(put_all(*store_, "a", as_bytes("3"), {Condition::kIfMatch, etag, ""})), "OK");
  EXPECT_EQ(id_of(put_all(*store_, "a", as_bytes("4"), {Condition::kIfMatch, etag, ""})), "store.condition");
  EXPECT_EQ(id_of(put_all(*store_, "none", as_bytes("5"), {Condition::kIfMatch, etag, ""})),
            "store.condition");
  EXPECT_EQ(get("a"), "3");
  EXPECT_NE(store_->stat("a").value().etag, etag);
}

TEST_P(StoreConformance, OfTwoThatRaceOneWins) {
  auto other = subject_->open();
  const PutOptions if_absent{Condition::kIfAbsent, "", ""};
  auto first = store_->begin_put("a", if_absent).value();
  auto second = other->begin_put("a", if_absent).value();
  ASSERT_TRUE(first->write(as_bytes("first")).ok());
  ASSERT_TRUE(second->write(as_bytes("second")).ok());
  EXPECT_EQ(id_of(second->commit()), "OK");
  EXPECT_EQ(id_of(first->commit()), "store.condition");
  EXPECT_EQ(get("a"), "second");
}

TEST_P(StoreConformance, ListsByPrefixInOrder) {
  for (const char* key : {"b", "a/2", "a/1", "a-x", "ab/c/d"})
    ASSERT_EQ(id_of(put_all(*store_, key, {})), "OK");
  EXPECT_EQ(keys(""), "a-x a/1 a/2 ab/c/d b ");
  EXPECT_EQ(keys("a/"), "a/1 a/2 ");
  EXPECT_EQ(keys("ab/c"), "ab/c/d ");
  EXPECT_EQ(keys("zzz"), "");
  ASSERT_TRUE(store_->remove("a/1").ok());
  EXPECT_EQ(keys("a/"), "a/2 ");
  EXPECT_EQ(get("a/1"), "store.not_found");
}

TEST_P(StoreConformance, GoesOnWithWhatAnEarlierUploadLeft) {
  const PutOptions options{Condition::kNone, "", "0123abcd"};
  ASSERT_TRUE(store_->begin_put("a", options).value()->write(as_bytes("first half, ")).ok());
  auto upload = store_->begin_put("a", options).value();
  std::string kept;
  ASSERT_TRUE(upload->read_kept([&kept](ByteView part) { return kept += as_text(part), Status(); }).ok());
  EXPECT_EQ(kept.size(), upload->kept_bytes());
  EXPECT_EQ(kept, std::string("first half, ").substr(0, kept.size()));
  ASSERT_TRUE(upload->write(as_bytes(std::string("first half, second half").substr(kept.size()))).ok());
  ASSERT_TRUE(upload->commit().ok());
  EXPECT_EQ(get("a"), "first half, second half");
  EXPECT_EQ(store_->begin_put("b", options).value()->kept_bytes(), 0U);
}

TEST_P(StoreConformance, DiscardKeepsNothing) {
  const PutOptions options{Condition::kNone, "", "0123abcd"};
  {
    auto upload = store_->begin_put("a", options).value();
    ASSERT_TRUE(upload->write(as_bytes("wrong")).ok());
    upload->discard();
  }
  EXPECT_EQ(store_->begin_put("a", options).value()->kept_bytes(), 0U);
  EXPECT_EQ(get("a"), "store.not_found");
}

TEST_P(StoreConformance, GivesTheErrorOfTheSinkThatStopsIt) {
  ASSERT_EQ(id_of(put_all(*store_, "a", as_bytes("123"))), "OK");
  const Status status =
      store_->get("a", 0, kWhole, [](ByteView) -> Status { return cancelled("test.stop", "stop"); });
  EXPECT_EQ(id_of(status), "test.stop");
}

}  // namespace slipway::store::testing
