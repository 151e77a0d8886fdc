#include "fakes/file.hpp"

#include <poll.h>

namespace gatio::fakes {

// Not inlined: g++ 12 sees a mark's address stored, and not that the mark takes itself out.
[[gnu::noinline]] void File::insert(Watch& behind, Watch& watch) {
  watch.unlink();
  watch.previous_ = &behind;
  watch.next_ = behind.next_;
  watch.next_->previous_ = &watch;
  behind.next_ = &watch;
}

// Two marks stand in the list while it is walked: one behind whoever is told, one behind the last
// of those who were there at the start. So whoever is told may take any out and add any.
void File::notify(uint32_t events) {
  if (watches_.next_ == &watches_) return;
  Ends end;
  Ends place;
  add(end);
  insert(watches_, place);
  while (place.next_ != &end) {
    Watch* watch = place.next_;
    insert(*watch, place);
    bool last = watch->alone_ && (events & (POLLHUP | POLLERR | kStateChanged)) == 0;
    watch->changed(events);
    if (last) return;
  }
}

}  // namespace gatio::fakes
