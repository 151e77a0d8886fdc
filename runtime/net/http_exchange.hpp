// One batch of requests from one connection and their answers: what travels between the io driver
// that parsed it and the driver that runs its handlers, or stays where both are one. It is a tree
// of tasks of its own (one handler at a time, in order). Owned by its HttpSession, and touched by
// one driver at a time: the session's, from its posting on the executing one, and back.
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
  // Told on the session's driver when all answers are in `output`.
  using Finished = void (*)(Exchange*);
  Exchange(const Handler& handler, std::pmr::memory_resource* memory, Finished finished);

  // Runs the batch here, now. `finished` may be called before it returns.
  void run_here(std::string_view date, bool close_after);
  // Runs the batch on another driver; its requests must be detached from the receive buffer.
  void run_on(Driver& target, std::string_view date, bool close_after);
  // Asks a handler that is still running to stop. On the session's driver, at most once an
  // exchange.
  void request_stop();

  Batch batch;
  Output output;
  [[nodiscard]] bool running() const { return running_; }
  [[nodiscard]] bool closes() const { return closes_; }  // the last answer ends the connection
  // An answer found no memory: it is missing, and the connection is of no further use.
  [[nodiscard]] bool out_of_memory() const { return out_of_memory_; }
  [[nodiscard]] size_t begun() const { return begun_; }    // handlers that were called
  [[nodiscard]] size_t failed() const { return failed_; }  // handlers that threw

 private:
  struct StopMessage : Work {
    explicit StopMessage(Exchange* its_exchange) : exchange(its_exchange) {}
    Exchange* exchange;
    bool in_flight = false;
  };

  void prepare(std::string_view date, bool close_after);
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

  const Handler& handler_;
  const Finished finished_;
  Driver* session_driver_ = nullptr;
  std::array<char, 32> date_{};
  size_t date_size_ = 0;
  size_t index_ = 0;
  size_t begun_ = 0;
  size_t failed_ = 0;
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
