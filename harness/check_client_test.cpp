#include "harness/check_client.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <thread>
#include <vector>

namespace gatio::harness {
namespace {

const std::string kRight = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello";

// What the server does with request number n (from 0, over all connections).
struct Answer {
  std::string bytes = kRight;
  bool close = false;
};
using Behaviour = std::function<Answer(uint64_t)>;

// A server thread on a port that the kernel chose; ends with the object.
class TestServer {
 public:
  explicit TestServer(Behaviour behaviour) : behaviour_(std::move(behaviour)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(listener_, 128), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port = ntohs(address.sin_port);
    EXPECT_EQ(pipe(stop_), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~TestServer() {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
    close(listener_);
    for (const auto& [fd, text] : clients_) close(fd);
  }

  uint16_t port = 0;

 private:
  void serve() {
    for (;;) {
      std::vector<pollfd> watched{{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
      for (const auto& [fd, text] : clients_) watched.push_back({fd, POLLIN, 0});
      poll(watched.data(), watched.size(), -1);
      if (watched[0].revents != 0) return;
      if (watched[1].revents != 0) take();
      for (size_t i = 2; i < watched.size(); ++i) {
        if (watched[i].revents != 0 && !answer(watched[i].fd, clients_[watched[i].fd])) {
          close(watched[i].fd);
          clients_.erase(watched[i].fd);
        }
      }
    }
  }

  void take() {
    const int fd = accept(listener_, nullptr, nullptr);
    const int on =
        1;  // or each answer of a batch would wait for the acknowledgement of the one before
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    clients_[fd];
  }

  bool answer(int fd, std::string& text) {
    char buffer[4096];
    const ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
    if (got <= 0) return false;
    text.append(buffer, static_cast<size_t>(got));
    for (size_t end; (end = text.find("\r\n\r\n")) != std::string::npos; text.erase(0, end + 4)) {
      const Answer answer = behaviour_(asked_++);
      if (!answer.bytes.empty()) send(fd, answer.bytes.data(), answer.bytes.size(), MSG_NOSIGNAL);
      if (answer.close) {
        // Read what is left, so that closing does not reset the connection under the last answer.
        while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0) {
        }
        return false;
      }
    }
    return true;
  }

  Behaviour behaviour_;
  uint64_t asked_ = 0;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  std::map<int, std::string> clients_;
  std::thread thread_;
};

CheckReport check(const Behaviour& behaviour, uint64_t requests = 20'000, int silence_ms = 20'000) {
  TestServer server(behaviour);
  const Interrupt interrupt;
  CheckPlan plan;
  plan.port = server.port;
  plan.requests = requests;
  plan.silence_ms = silence_ms;
  plan.expect.body = "Hello";
  auto report = check_replies(plan, interrupt);
  EXPECT_TRUE(report) << report.error().message();
  return report.value_or(CheckReport{});
}

TEST(CheckClient, AnHonestServerPasses) {
  const CheckReport report = check([](uint64_t) { return Answer{}; });
  EXPECT_EQ(report.replies, 20'000U);
  EXPECT_EQ(report.wrong, 0U) << report.first_wrong;
  EXPECT_DOUBLE_EQ(report.bytes_per_reply(), static_cast<double>(kRight.size()));
}

TEST(CheckClient, OneWrongBodyInAThousandIsFound) {
  const CheckReport report = check([](uint64_t n) {
    return n % 1000 == 999 ? Answer{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHallo"} : Answer{};
  });
  EXPECT_EQ(report.wrong, 20U);
  EXPECT_NE(report.first_wrong.find("body \"Hallo\" instead of \"Hello\""), std::string::npos)
      << report.first_wrong;
}

TEST(CheckClient, AWrongStatusIsFound) {
  const CheckReport report = check([](uint64_t n) {
    return n == 777 ? Answer{"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nHello"} : Answer{};
  });
  EXPECT_EQ(report.wrong, 1U);
  EXPECT_NE(report.first_wrong.find("status 503 instead of 200"), std::string::npos)
      << report.first_wrong;
}

TEST(CheckClient, AnAnswerTooManyIsFound) {
  // As the very last one, so that it cannot pass for the answer to a later request.
  EXPECT_GE(
      check([](uint64_t n) { return n == 19'999 ? Answer{kRight + kRight} : Answer{}; }).wrong, 1U);
}

TEST(CheckClient, BytesThatAreNoHttpAreFound) {
  EXPECT_GE(
      check([](uint64_t n) { return n == 500 ? Answer{"nonsense\r\n\r\n"} : Answer{}; }).wrong, 1U);
}

TEST(CheckClient, AConnectionThatBreaksIsFound) {
  EXPECT_GE(check([](uint64_t n) { return Answer{n == 500 ? "" : kRight, n == 500}; }).wrong, 1U);
}

TEST(CheckClient, SilenceIsFound) {
  const CheckReport report =
      check([](uint64_t n) { return Answer{n < 500 ? kRight : ""}; }, 20'000, 50);
  EXPECT_GE(report.wrong, 1U);
  EXPECT_NE(report.first_wrong.find("no answer"), std::string::npos);
}

TEST(CheckClient, AServerMayCloseAfterAnAnswerThatSaysSo) {
  const CheckReport report = check(
      [](uint64_t n) {
        return n % 100 == 99 ? Answer{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nHello", true}
                             : Answer{};
      },
      2'000);
  EXPECT_EQ(report.wrong, 0U) << report.first_wrong;
  EXPECT_EQ(report.replies, 2'000U);
}

TEST(CheckClient, AChunkedAnswerIsComparedToo) {
  const CheckReport report = check(
      [](uint64_t) {
        return Answer{
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
            "chunked\r\n\r\n3\r\nHel\r\n2\r\nlo\r\n0\r\n\r\n"};
      },
      100);
  EXPECT_EQ(report.wrong, 0U) << report.first_wrong;
}

TEST(CheckClient, APortWithoutAServerIsAnError) {
  uint16_t port = 0;
  {
    port = TestServer([](uint64_t) { return Answer{}; }).port;
  }
  const Interrupt interrupt;
  CheckPlan plan;
  plan.port = port;
  EXPECT_FALSE(check_replies(plan, interrupt));
}

}  // namespace
}  // namespace gatio::harness
