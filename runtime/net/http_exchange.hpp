// One batch of requests from one connection and their answers: what travels between the io driver
// that parsed it and the driver that runs its handlers, or stays where both are one. It is a tree
// of tasks of its own (one handler at a time, in order). It comes back early when the answers fill
// the room they were given, and the next run goes on behind the last one. Owned by its HttpSession,
// and touched by one driver at a time: the session's, from its posting on the executing one, and
// back.
#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>

#include "runtime/base/work.hpp"
#include "runtime/driver/driver.hpp"
#include "runtime/net/http_batch.hpp"
#include "runtime/net/http_bytes.hpp"
#include "runtime/net/http_request.hpp"
#include "runtime/net/http_response.hpp"
#include "runtime/task/task.hpp"

namespace gatio::http {

// Answers one request. Called on any driver that executes, on several at once: what it shares it
// must protect. Both references and all views in them are good until the task ends. An exception
// becomes a 500.
using Handler = std::function<Task<void>(const Request&, Response&)>;

class Exchange : private Work, private Root {
 public:
  // Told on the session's driver when the answers are in `output`: all, or as many as fill it.
  using Finished = void (*)(Exchange*);
  Exchange(const Handler& handler, std::pmr::memory_resource* memory, Finished finished);

  struct Terms {
    std::string_view date;
    bool close_after = false;      // the last answer of the batch is to end the connection
    size_t most_output_bytes = 0;  // no handler begins once `output` has so many
  };
  // Runs the batch, or what is left of it, here and now. `finished` may be called before it
  // returns.
  void run_here(const Terms& terms);
  // The same on another driver; the requests must be detached from the receive buffer.
  void run_on(Driver& target, const Terms& terms);
  // Whether requests of the batch still wait for their handler. Not while it runs.
  [[nodiscard]] bool has_more() const { return index_ < batch.size(); }
  // Forgets the batch.
  void clear() {
    batch.clear();
    index_ = 0;
  }
  // Asks a handler that is still running to stop. On the session's driver, at most once an
  // exchange.
  void request_stop();

  Batch batch;
  Output output;
  [[nodiscard]] bool running() const { return running_; }
  [[nodiscard]] bool closes() const { return closes_; }  // the last answer ends the connection
  // An answer found no memory: it is missing, and the connection is of no further use.
  [[nodiscard]] bool out_of_memory() const { return out_of_memory_; }
  // Of the last run: handlers that were called, and those among them that threw.
  [[nodiscard]] size_t begun() const { return begun_; }
  [[nodiscard]] size_t failed() const { return failed_; }

 private:
  struct StopMessage : Work {
    explicit StopMessage(Exchange* its_exchange) : exchange(its_exchange) {}
    Exchange* exchange;
    bool in_flight = false;
  };

  void prepare(const Terms& terms);
  void begin();
  // The first frame of the next handler; a no-op handle when all have ended.
  std::coroutine_handle<> next_handler();
  void handler_ended();
  void answer_with_500();
  void end();
  void report_if_back();
  static void arrive(Work* work);
  static void started(Work* work);
  static void returned(Work* work);
  static void deliver_stop(Work* work);
  static void stop_returned(Work* work);
  static std::coroutine_handle<> task_ended(Completer* completer);
  static void abandon_handler(Root* root);

  const Handler& handler_;
  const Finished finished_;
  Driver* session_driver_ = nullptr;
  std::array<char, 32> date_{};
  size_t date_size_ = 0;
  size_t index_ = 0;  // of the request whose turn it is
  size_t begun_ = 0;
  size_t failed_ = 0;
  size_t most_output_bytes_ = 0;
  bool close_after_ = false;
  bool closes_ = false;
  bool out_of_memory_ = false;
  bool handlers_done_ = false;  // written by the last executing driver
  bool running_ = false;        // session's driver only
  bool back_ = false;           // session's driver only
  std::optional<Request> request_;
  std::optional<Response> response_;
  Task<void> task_;
  StopMessage stop_message_;
};

}  // namespace gatio::http
