#include "scenarios/servers/common/server.hpp"
#include "scenarios/servers/spend.hpp"

int main(int argc, char** argv) {
  return scenarios::server_main(argc, argv, {"work_ns", "heavy_ns", "heavy_percent"},
                                scenarios::serve_spend);
}
