#include "runtime/net/http_head.hpp"

#include <algorithm>
#include <array>

namespace gatio::http {
namespace {

constexpr std::string_view kVersionPrefix = " HTTP/";
constexpr size_t kVersionSize = 9;  // " HTTP/1.1"

constexpr std::array<bool, 256> table_of(std::string_view more) {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = true;
  for (char c : more) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = table_of("!#$%&'*+-.^_`|~");
constexpr std::array<bool, 256> kHost = table_of("-._~!$&'()*+,;=:%[]");

bool all_in(const std::array<bool, 256>& table, std::string_view text) {
  for (unsigned char c : text) {
    if (!table[c]) return false;
  }
  return true;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Method method_named(std::string_view name) {
  if (name == "GET") return Method::Get;
  if (name == "HEAD") return Method::Head;
  if (name == "POST") return Method::Post;
  if (name == "PUT") return Method::Put;
  if (name == "DELETE") return Method::Delete;
  if (name == "OPTIONS") return Method::Options;
  if (name == "PATCH") return Method::Patch;
  if (name == "TRACE") return Method::Trace;
  return Method::Other;
}

// Whether the comma-separated list has this token.
bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    std::string_view element = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), element.size() + 1));
    while (element.starts_with(' ') || element.starts_with('\t')) element.remove_prefix(1);
    if (same_ignoring_case(without_trailing_space(element), token)) return true;
  }
  return false;
}

// The headers that decide about the request as a whole, gathered in one pass.
struct Gathered {
  size_t hosts = 0, lengths = 0, codings = 0;
  std::string_view host, coding, expectation;
  bool expects = false, close = false, keep = false;
};

Gathered gather(std::span<const Header> headers) {
  Gathered all;
  for (const Header& each : headers) {
    // The lengths of the names tell nearly all others from those that matter here.
    switch (each.name.size()) {
      case 4:
        if (!same_ignoring_case(each.name, "host")) break;
        ++all.hosts;
        all.host = each.value;
        break;
      case 6:
        if (!same_ignoring_case(each.name, "expect")) break;
        all.expects = true;
        all.expectation = each.value;
        break;
      case 10:
        if (!same_ignoring_case(each.name, "connection")) break;
        all.close = all.close || has_token(each.value, "close");
        all.keep = all.keep || has_token(each.value, "keep-alive");
        break;
      case 14:
        if (same_ignoring_case(each.name, "content-length")) ++all.lengths;
        break;
      case 17:
        if (!same_ignoring_case(each.name, "transfer-encoding")) break;
        ++all.codings;
        all.coding = each.value;
        break;
      default:
        break;
    }
  }
  return all;
}

int check_target(const RequestRecord& record, const Limits& limits) {
  std::string_view target = record.target;
  if (target.size() > limits.target_bytes) return 414;
  if (target.starts_with('*') && (target != "*" || record.method != Method::Options)) return 400;
  // A fragment is the client's own affair and never sent (RFC 9112, 3.2).
  return target.find('#') == std::string_view::npos ? 0 : 400;
}

// Whether the request says in exactly one way where it ends.
int check_framing(const Gathered& all, uint64_t content_length, const Limits& limits,
                  bool is_version_1_0, Framing& framing) {
  if (all.lengths > 1 || (all.lengths > 0 && all.codings > 0)) return 400;
  if (all.codings > 0) {
    if (all.codings > 1 || all.coding.empty() || is_version_1_0) return 400;
    if (!same_ignoring_case(all.coding, "chunked")) return 501;
    framing.chunked = true;
  }
  if (all.lengths > 0) framing.content_length = content_length;
  return framing.content_length > limits.body_bytes ? 413 : 0;
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && all_in(kToken, text);
}

std::string_view without_trailing_space(std::string_view text) {
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

int check_request_line(std::string_view line, const Limits& limits, RequestRecord& record) {
  size_t method_size = std::min(line.find(' '), line.size());
  // One space each, and none but HTTP: this refuses HTTP/0.9, RTSP and ICE, which llhttp takes.
  if (line.size() != method_size + 1 + record.target.size() + kVersionSize) return 400;
  std::string_view version = line.substr(line.size() - kVersionSize);
  if (!version.starts_with(kVersionPrefix) || !is_digit(version[6]) || version[7] != '.' ||
      !is_digit(version[8])) {
    return 400;
  }
  record.method_name = line.substr(0, method_size);
  if (!is_token(record.method_name)) return 400;
  if (version[6] != '1') return 505;
  if (record.method_name == "CONNECT") return 501;  // this is no proxy
  record.method = method_named(record.method_name);
  record.version_minor = static_cast<uint8_t>(version[8] - '0');
  return check_target(record, limits);
}

int check_headers(std::span<const Header> headers, uint64_t content_length, const Limits& limits,
                  RequestRecord& record, Framing& framing) {
  Gathered all = gather(headers);
  bool is_version_1_0 = record.version_minor == 0;
  framing = {};
  if (all.hosts > 1 || (all.hosts == 0 && !is_version_1_0)) return 400;
  if (!all_in(kHost, all.host)) return 400;
  record.keep_alive = !all.close && (!is_version_1_0 || all.keep);
  if (int status = check_framing(all, content_length, limits, is_version_1_0, framing);
      status != 0) {
    return status;
  }
  if (!all.expects || is_version_1_0) return 0;  // RFC 9110, 10.1.1: 1.0 has no expectations
  if (!same_ignoring_case(all.expectation, "100-continue")) return 417;
  framing.expect_continue = true;
  return 0;
}

}  // namespace gatio::http
