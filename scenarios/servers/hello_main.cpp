#include "scenarios/servers/common/server.hpp"
#include "scenarios/servers/hello.hpp"

int main(int argc, char** argv) {
  return scenarios::server_main(argc, argv, {}, scenarios::serve_hello);
}
