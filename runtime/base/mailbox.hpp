// A driver's mailbox: many drivers and threads push, only the owning driver takes. One word holds
// all of its state: the newest message, or nothing, or the mark that the owner has parked. Because
// parking and pushing change the same word, either the owner sees the message before it parks or
// the sender sees that the owner is parked and wakes it: no wake-up can be lost between the two
// (design R4).
#pragma once

#include <atomic>

#include "runtime/base/intrusive_queue.hpp"
#include "runtime/base/sync_point.hpp"
#include "runtime/base/work.hpp"

namespace gatio {

class Mailbox {
 public:
  // Leaves a message. True when the owner was parked: exactly one sender is told so, and must wake
  // it. Any thread. Messages of one sender arrive in the order in which it pushed them.
  [[nodiscard]] bool push(Work& message) {
    sync_point(kMailboxPush);
    Work* head = head_.load(std::memory_order_relaxed);
    do {
      message.next = head == parked_mark() ? nullptr : head;
      sync_point("mailbox: link");
      // Release: what the sender wrote before is seen by the owner, whose exchange in take()
      // acquires it. Acquire pairs with the release in park(): a sender that must wake the owner
      // sees its ring.
    } while (!head_.compare_exchange_weak(head, &message, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    return head == parked_mark();
  }

  // All messages, oldest first; also ends being parked. Owner only.
  [[nodiscard]] IntrusiveQueue<Work> take() {
    IntrusiveQueue<Work> messages;
    // A plain look first: an empty mailbox costs no locked instruction and leaves the line shared.
    if (head_.load(std::memory_order_relaxed) == nullptr) return messages;
    sync_point(kMailboxTake);
    // Acquire pairs with the release in push(), for each message of the chain: the pushes form one
    // release sequence, since each is a read-modify-write of the same word.
    Work* newest = head_.exchange(nullptr, std::memory_order_acquire);
    if (newest == parked_mark()) return messages;
    while (newest != nullptr) {
      Work* older = newest->next;
      messages.push_front(newest);
      newest = older;
    }
    return messages;
  }

  // Marks the owner as parked unless there is mail: false then, and the owner must not sleep. Owner
  // only.
  [[nodiscard]] bool park() {
    sync_point("mailbox: park");
    Work* nothing = nullptr;
    // Release pairs with the acquire in push().
    return head_.compare_exchange_strong(nothing, parked_mark(), std::memory_order_release,
                                         std::memory_order_relaxed);
  }

  // Whether a take would find something. Owner only; a hint for a driver that spins.
  [[nodiscard]] bool has_mail() const {
    const Work* head = head_.load(std::memory_order_relaxed);
    return head != nullptr && head != parked_mark();
  }
  // Whether the owner is parked. Any thread; a hint for placement.
  [[nodiscard]] bool is_parked() const {
    return head_.load(std::memory_order_relaxed) == parked_mark();
  }

 private:
  static Work* parked_mark() { return &parked_mark_; }
  inline static constinit Work parked_mark_{};

  alignas(64) std::atomic<Work*> head_{nullptr};
};

}  // namespace gatio
