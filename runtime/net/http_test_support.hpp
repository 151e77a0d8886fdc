// What the HTTP tests share: requests as values that outlive their batch, and a memory resource
// that counts. For tests only, on the test's thread.
#pragma once

#include <cstddef>
#include <memory_resource>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/net/http_parser.hpp"

namespace gatio::http {

// A request copied out of its batch.
struct PlainRequest {
  std::string method, target, body;
  int version_minor = 1;
  bool keep_alive = true;
  std::vector<std::pair<std::string, std::string>> headers;

  friend bool operator==(const PlainRequest&, const PlainRequest&) = default;
  friend std::ostream& operator<<(std::ostream& out, const PlainRequest& request) {
    out << request.method << ' ' << request.target << " 1." << request.version_minor;
    for (const auto& [name, value] : request.headers) out << " {" << name << ": " << value << '}';
    return out << " body of " << request.body.size() << (request.keep_alive ? "" : ", closes");
  }
};

inline PlainRequest plain(const Request& request) {
  PlainRequest copy{std::string(request.method_name()),
                    std::string(request.target()),
                    std::string(request.body()),
                    request.version_minor(),
                    request.keep_alive(),
                    {}};
  for (const Header& each : request.headers()) copy.headers.emplace_back(each.name, each.value);
  return copy;
}

// What came of a connection that received these bytes.
struct Parsed {
  std::vector<PlainRequest> requests;
  Outcome::State state = Outcome::State::NeedMore;
  int status = 0;
  bool in_request = false;

  friend bool operator==(const Parsed&, const Parsed&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Parsed& parsed) {
    for (const PlainRequest& each : parsed.requests) out << each << "; ";
    return out << "state " << static_cast<int>(parsed.state) << " status " << parsed.status
               << (parsed.in_request ? ", in request" : "");
  }
};

// Feeds the pieces one by one. Each lies in memory of its own that ends with it and is gone after
// its batch, as a receive buffer is, so that an AddressSanitizer build sees whoever looks beyond.
inline Parsed parse_pieces(const std::vector<std::string_view>& pieces, const Limits& limits = {}) {
  Parsed parsed;
  Parser parser(limits, std::pmr::new_delete_resource());
  Batch batch(std::pmr::new_delete_resource());
  for (std::string_view piece : pieces) {
    std::vector<char> received(piece.begin(), piece.end());
    Outcome outcome = parser.feed(received, batch);
    for (size_t i = 0; i < batch.size(); ++i) parsed.requests.push_back(plain(batch[i]));
    batch.clear();
    parsed.state = outcome.state;
    parsed.status = outcome.status;
  }
  parsed.in_request = parser.in_request();
  return parsed;
}

inline Parsed parse(std::string_view bytes, const Limits& limits = {}) {
  return parse_pieces({bytes}, limits);
}

inline Parsed parse_split(std::string_view bytes, size_t cut, const Limits& limits = {}) {
  return parse_pieces({bytes.substr(0, cut), bytes.substr(cut)}, limits);
}

class CountingMemory : public std::pmr::memory_resource {
 public:
  size_t allocations = 0;
  size_t live_bytes = 0;

 private:
  void* do_allocate(size_t bytes, size_t alignment) override {
    ++allocations;
    live_bytes += bytes;
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* place, size_t bytes, size_t alignment) override {
    live_bytes -= bytes;
    std::pmr::new_delete_resource()->deallocate(place, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

}  // namespace gatio::http
