#include "runtime/net/http_batch.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "runtime/net/http_test_support.hpp"

namespace gatio::http {
namespace {

const std::string kThree =
    "GET /1 HTTP/1.1\r\nHost: a\r\nEmpty:\r\n\r\n"
    "POST /2 HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    "POST /3 HTTP/1.1\r\nHost: c\r\nContent-Length: 2\r\n\r\nhi";

class HttpBatch : public testing::Test {
 protected:
  std::vector<PlainRequest> all() const {
    std::vector<PlainRequest> requests;
    for (size_t i = 0; i < batch_.size(); ++i) requests.push_back(plain(batch_[i]));
    return requests;
  }

  Limits limits_;
  Parser parser_{limits_, std::pmr::new_delete_resource()};
  Batch batch_{std::pmr::new_delete_resource()};
};

TEST_F(HttpBatch, RequestsInOneReceivePointIntoIt) {
  std::string bytes = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
  parser_.feed(bytes, batch_);
  EXPECT_EQ(batch_.stored_bytes(), 0u);
  EXPECT_EQ(batch_[0].target().data(), bytes.data() + 5);
  EXPECT_EQ(batch_[0].body().data(), bytes.data() + bytes.size() - 2);
}

TEST_F(HttpBatch, DetachCopiesWhatPointsIntoTheReceive) {
  std::string bytes = kThree;
  parser_.feed(bytes, batch_);
  std::vector<PlainRequest> before = all();
  ASSERT_EQ(before.size(), 3u);
  Request first = batch_[0];
  batch_.detach();
  bytes.assign(bytes.size(), '#');
  EXPECT_EQ(all(), before);
  EXPECT_EQ(plain(first), before[0]);
}

TEST_F(HttpBatch, DetachingTwiceCopiesOnce) {
  parser_.feed(kThree, batch_);
  batch_.detach();
  size_t stored = batch_.stored_bytes();
  batch_.detach();
  EXPECT_EQ(batch_.stored_bytes(), stored);
}

TEST_F(HttpBatch, GrowthOfTheStorageKeepsWhatWasStoredBefore) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += kThree;
  parser_.feed(bytes, batch_);
  ASSERT_EQ(batch_.size(), 300u);
  for (size_t i = 0; i < 300; ++i) {
    EXPECT_EQ(batch_[i].target(), "/" + std::to_string(i % 3 + 1));
    EXPECT_EQ(batch_[i].body(), i % 3 == 0 ? "" : i % 3 == 1 ? "abc" : "hi");
  }
}

TEST_F(HttpBatch, MovingKeepsTheRequests) {
  parser_.feed(kThree, batch_);
  std::vector<PlainRequest> before = all();
  Batch moved(std::move(batch_));
  batch_ = Batch(std::pmr::new_delete_resource());
  EXPECT_TRUE(batch_.empty());
  batch_ = std::move(moved);
  EXPECT_EQ(all(), before);
}

TEST_F(HttpBatch, SeveralReceivesCanFillOneDetachedBatch) {
  std::string bytes = kThree + kThree;
  for (size_t offset = 0; offset < bytes.size(); offset += 7) {
    std::string piece = bytes.substr(offset, 7);
    parser_.feed(piece, batch_);
    batch_.detach();
  }
  std::vector<PlainRequest> apart = all();
  batch_.clear();
  parser_.feed(bytes, batch_);
  EXPECT_EQ(apart, all());
}

TEST_F(HttpBatch, ClearForgetsTheRequests) {
  parser_.feed(kThree, batch_);
  batch_.clear();
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(batch_.stored_bytes(), 0u);
}

}  // namespace
}  // namespace gatio::http
