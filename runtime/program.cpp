#include "runtime/program.hpp"

#include <cerrno>
#include <cstdio>

namespace gatio {

int exit_code(const Error& error) {
  switch (error.code) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case ENOSYS:
    case EPERM:
      return 4;
    default:
      return 2;
  }
}

std::string listening_json(const std::vector<Endpoint>& endpoints) {
  std::string list;
  for (const Endpoint& each : endpoints) {
    // A protocol's name is the user's, and TOML escapes as JSON does.
    list += std::string(list.empty() ? "" : ",") + "{\"address\":\"" + each.address +
            "\",\"port\":" + std::to_string(each.port) + ",\"transport\":\"" +
            std::string(config::name(each.transport)) +
            "\",\"protocol\":" + config::quoted(each.protocol) + "}";
  }
  return "{\"listening\":[" + list + "]}";
}

void print_listening(const std::vector<Endpoint>& endpoints) {
  std::printf("%s\n", listening_json(endpoints).c_str());
  std::fflush(stdout);
}

Result<void> write_metrics(const Metrics& metrics, const std::string& path) {
  auto failed = [&](int error) {
    return fail(EIO, "cannot write the metrics to " + path + ": " + strerrordesc_np(error));
  };
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return failed(errno);
  std::string text = to_json(metrics) + "\n";
  bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  int error = errno;
  if (std::fclose(file) != 0) return failed(errno);
  if (!written) return failed(error);
  return {};
}

}  // namespace gatio
