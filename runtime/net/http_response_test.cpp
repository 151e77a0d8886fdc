#include "runtime/net/http_response.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "runtime/net/http_test_support.hpp"

namespace gatio::http {
namespace {

constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::string_view kDateLine = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
const std::string kServerError = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 26\r\n" +
                                 std::string(kDateLine) +
                                 "Content-Type: text/plain\r\n\r\n500 Internal Server Error\n";

std::string answer(const std::function<void(Response&)>& fill, RequestRecord record = {}) {
  Output output(std::pmr::new_delete_resource());
  {
    Response response(output, kDate, Request(record, {}));
    fill(response);
  }
  return std::string(output.view());
}

RequestRecord head_request() {
  RequestRecord record;
  record.method = Method::Head;
  return record;
}

TEST(HttpResponse, ATextWithItsType) {
  EXPECT_EQ(answer([](Response& r) { r.content_type("text/plain").body("Hello"); }),
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + std::string(kDateLine) +
                "Content-Type: text/plain\r\n\r\nHello");
}

TEST(HttpResponse, WithoutABodyTheLengthIsZero) {
  EXPECT_EQ(answer([](Response& r) { r.status(404); }),
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n" + std::string(kDateLine) + "\r\n");
}

TEST(HttpResponse, AStatusWithoutANameHasAnEmptyReason) {
  EXPECT_TRUE(answer([](Response& r) { r.status(299); }).starts_with("HTTP/1.1 299 \r\n"));
}

TEST(HttpResponse, TheOrderOfTheCallsDoesNotMatter) {
  std::string in_order = answer([](Response& r) {
    r.status(201).content_type("a/b").header("X-A", "1").body("body").close();
  });
  EXPECT_EQ(
      in_order, answer([](Response& r) {
        r.body("first").close().body("body").content_type("a/b").header("X-A", "1").status(201);
      }));
  EXPECT_EQ(in_order, "HTTP/1.1 201 Created\r\nContent-Length: 4\r\n" + std::string(kDateLine) +
                          "Connection: close\r\nContent-Type: a/b\r\nX-A: 1\r\n\r\nbody");
}

TEST(HttpResponse, ALaterContentTypeReplacesTheOneBefore) {
  std::string text = answer([](Response& r) {
    r.content_type("text/html").header("X-A", "1").header("content-TYPE", "a/b").body("x");
  });
  EXPECT_EQ(text.find("text/html"), std::string::npos);
  EXPECT_NE(text.find("X-A: 1\r\nContent-Type: a/b\r\n\r\nx"), std::string::npos);
}

TEST(HttpResponse, HeadHasTheLengthButNoBody) {
  auto fill = [](Response& r) { r.content_type("a/b").body("Hello").header("X-A", "1"); };
  std::string with_body = answer(fill);
  EXPECT_EQ(answer(fill, head_request()) + "Hello", with_body);
}

TEST(HttpResponse, NoContentAndNotModifiedHaveNeitherBodyNorLength) {
  for (int status : {204, 304}) {
    std::string text = answer([&](Response& r) { r.body("x").status(status).body("y"); });
    EXPECT_TRUE(text.ends_with("GMT\r\n\r\n")) << text;
    EXPECT_EQ(text.find("Content-Length"), std::string::npos);
    EXPECT_EQ(answer([&](Response& r) { r.body("x").status(status); }), text);
  }
}

TEST(HttpResponse, SaysCloseWhenTheRequestAsksForIt) {
  RequestRecord record;
  record.keep_alive = false;
  EXPECT_NE(answer([](Response&) {}, record).find("\r\nConnection: close\r\n"), std::string::npos);
}

TEST(HttpResponse, TellsAnHttp10ClientThatTheConnectionStays) {
  RequestRecord record;
  record.version_minor = 0;
  EXPECT_NE(answer([](Response&) {}, record).find("\r\nConnection: keep-alive\r\n"),
            std::string::npos);
}

TEST(HttpResponse, InjectionBecomesAServerError) {
  const std::string_view bad_values[] = {"a\r\nSet-Cookie: x",        "a\nb",  "a\rb",
                                         std::string_view("a\0b", 3), "a\x7f", "\x01"};
  for (std::string_view value : bad_values) {
    EXPECT_EQ(answer([&](Response& r) { r.header("X", value).body("x"); }), kServerError) << value;
    EXPECT_EQ(answer([&](Response& r) { r.content_type(value).body("x"); }), kServerError) << value;
    EXPECT_EQ(answer([&](Response& r) { r.body("x").header("X", value); }), kServerError) << value;
  }
  for (std::string_view name : {"", "a b", "a:", "a\r\n", "a\n", "\xc3\xa4"}) {
    EXPECT_EQ(answer([&](Response& r) { r.header(name, "x"); }), kServerError) << name;
  }
}

TEST(HttpResponse, WhatTheServerSaysItselfIsRefused) {
  for (std::string_view name : {"Content-Length", "transfer-encoding", "Connection", "DATE"}) {
    EXPECT_EQ(answer([&](Response& r) { r.header(name, "1").body("x"); }), kServerError) << name;
  }
}

TEST(HttpResponse, AStatusOutOfRangeBecomesAServerError) {
  for (int status : {-1, 0, 100, 199, 600, 2000}) {
    EXPECT_EQ(answer([&](Response& r) { r.body("x").status(status); }), kServerError) << status;
  }
}

TEST(HttpResponse, AFailedOneLeavesTheResponsesBeforeItAlone) {
  Output output(std::pmr::new_delete_resource());
  RequestRecord record;
  Response first(output, kDate, Request(record, {}));
  first.body("one");
  first.finish();
  std::string before(output.view());
  Response second(output, kDate, Request(record, {}));
  second.content_type("a/b").body("two").header("a b", "x");
  EXPECT_FALSE(second.ok());
  second.finish();
  EXPECT_EQ(output.view(), before + kServerError);
}

TEST(HttpResponse, AnErrorHasAShortText) {
  Output output(std::pmr::new_delete_resource());
  append_error(output, 431, kDate, true);
  EXPECT_EQ(output.view(),
            "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 36\r\n" +
                std::string(kDateLine) +
                "Connection: close\r\nContent-Type: text/plain\r\n\r\n"
                "431 Request Header Fields Too Large\n");
}

TEST(HttpResponse, NothingIsAllocatedInSteadyState) {
  CountingMemory memory;
  Output output(&memory);
  RequestRecord record;
  auto respond = [&] {
    output.clear();
    for (int i = 0; i < 16; ++i) {
      Response response(output, kDate, Request(record, {}));
      response.content_type("text/plain").header("X-A", "1").body("Hello, World!");
    }
  };
  respond();
  size_t before = memory.allocations;
  for (int i = 0; i < 100; ++i) respond();
  EXPECT_EQ(memory.allocations, before);
}

}  // namespace
}  // namespace gatio::http
