// A first-in first-out queue of objects that carry their own `next` pointer: no allocation, no
// copy. The queue does not own its elements. One thread at a time.
#pragma once

#include "runtime/base/assert.hpp"

namespace gatio {

template <typename T>
class IntrusiveQueue {
 public:
  IntrusiveQueue() = default;
  IntrusiveQueue(const IntrusiveQueue&) = delete;
  IntrusiveQueue& operator=(const IntrusiveQueue&) = delete;
  IntrusiveQueue(IntrusiveQueue&& other) noexcept { append(other); }

  [[nodiscard]] bool empty() const { return head_ == nullptr; }
  [[nodiscard]] T* front() const { return head_; }

  void push(T* element) {
    element->next = nullptr;
    if (tail_ == nullptr) {
      head_ = element;
    } else {
      tail_->next = element;
    }
    tail_ = element;
  }

  void push_front(T* element) {
    element->next = head_;
    head_ = element;
    if (tail_ == nullptr) tail_ = element;
  }

  // The oldest element, or nullptr when there is none.
  T* pop() {
    T* element = head_;
    if (element == nullptr) return nullptr;
    head_ = static_cast<T*>(element->next);
    if (head_ == nullptr) tail_ = nullptr;
    element->next = nullptr;
    return element;
  }

  // Moves all of `other` behind our own elements; `other` is empty afterwards.
  void append(IntrusiveQueue& other) {
    if (other.head_ == nullptr) return;
    if (tail_ == nullptr) {
      head_ = other.head_;
    } else {
      tail_->next = other.head_;
    }
    tail_ = other.tail_;
    other.head_ = other.tail_ = nullptr;
  }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;
};

}  // namespace gatio
