// Asking a task to stop. A StopSource belongs to one task (or one branch of it) and tells its
// callbacks, each of which cancels one operation or passes the request on to a narrower source.
// Everything here is touched only by the driver on which the task runs; a request from elsewhere
// travels as a message (see Scope).
#pragma once

#include "runtime/base/assert.hpp"

namespace gatio {

class StopSource;

// Embedded in what can be stopped. Stands in at most one source; leaves it when destroyed.
class StopCallback {
 public:
  using Function = void (*)(StopCallback*);
  explicit StopCallback(Function function) : function_(function) {}
  StopCallback(const StopCallback&) = delete;
  StopCallback& operator=(const StopCallback&) = delete;
  ~StopCallback() { leave(); }

  inline void join(StopSource& source);
  inline void leave();

 private:
  friend class StopSource;
  Function function_;
  StopSource* source_ = nullptr;
  StopCallback* previous_ = nullptr;
  StopCallback* next_ = nullptr;
};

class StopSource {
 public:
  StopSource() = default;
  StopSource(const StopSource&) = delete;
  StopSource& operator=(const StopSource&) = delete;
  ~StopSource() { GATIO_ASSERT(first_ == nullptr); }

  [[nodiscard]] bool stop_requested() const { return requested_; }

  // Calls each callback once. A second request does nothing.
  void request_stop() {
    if (requested_) return;
    requested_ = true;
    while (first_ != nullptr) {
      StopCallback* callback = first_;
      callback->leave();
      callback->function_(callback);
    }
  }

 private:
  friend class StopCallback;
  bool requested_ = false;
  StopCallback* first_ = nullptr;
};

inline void StopCallback::join(StopSource& source) {
  GATIO_ASSERT(source_ == nullptr);
  source_ = &source;
  previous_ = nullptr;
  next_ = source.first_;
  if (next_ != nullptr) next_->previous_ = this;
  source.first_ = this;
}

inline void StopCallback::leave() {
  if (source_ == nullptr) return;
  if (previous_ != nullptr) {
    previous_->next_ = next_;
  } else {
    source_->first_ = next_;
  }
  if (next_ != nullptr) next_->previous_ = previous_;
  source_ = nullptr;
}

// A source that also stops when a wider one does: the branches of when_any, a scope's children.
class NarrowStop : private StopCallback, public StopSource {
 public:
  explicit NarrowStop(StopSource& wider) : StopCallback(&pass_on) {
    if (wider.stop_requested()) {
      request_stop();
    } else {
      StopCallback::join(wider);
    }
  }

 private:
  static void pass_on(StopCallback* callback) {
    static_cast<NarrowStop*>(callback)->request_stop();
  }
};

// What a user's task sees of its source.
class StopToken {
 public:
  explicit StopToken(const StopSource& source) : source_(&source) {}
  [[nodiscard]] bool stop_requested() const { return source_->stop_requested(); }

 private:
  const StopSource* source_;
};

}  // namespace gatio
