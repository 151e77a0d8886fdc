// What setsockopt(2) can set on a socket of the simulated network, kept so that getsockopt(2) gives
// back what Linux would. A part of the socket; the simulation's one thread only.
#pragma once

#include <sys/socket.h>

#include <cstddef>

namespace gatio::fakes {

struct SocketOptions {
  int reuse_address = 0;
  int reuse_port = 0;
  int keep_alive = 0;
  int broadcast = 0;
  int zero_copy = 0;
  int incoming_cpu = -1;
  int receive_buffer = 0;  // as read back: twice what was asked for
  int send_buffer = 0;
  int no_delay = 0;
  int quick_ack = 1;
  int user_timeout = 0;
  int keep_idle = 7200;
  int keep_interval = 75;
  int keep_count = 9;
  int v6only = 0;
  linger lingers{};
  bool receive_buffer_set = false;
  bool send_buffer_set = false;

  // 0 or -errno. `most_buffer_bytes` is what an unprivileged program may ask for.
  int set(int family, int type, int level, int name, const void* value, socklen_t size,
          size_t most_buffer_bytes);
  int get(int family, int type, int level, int name, void* value, socklen_t* size) const;
};

// Gives `value` to a caller of getsockopt(2), cut to its room.
int give_option(int value, void* to, socklen_t* size);

}  // namespace gatio::fakes
