#include "runtime/net/http_date.hpp"

#include <chrono>
#include <cstring>

namespace gatio::http {
namespace {

void two_digits(char* place, unsigned value) {
  place[0] = static_cast<char>('0' + value / 10 % 10);
  place[1] = static_cast<char>('0' + value % 10);
}

}  // namespace

void DateCache::format(int64_t wall_seconds) {
  using namespace std::chrono;
  constexpr char kDays[] = "SunMonTueWedThuFriSat";
  constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  sys_seconds time{seconds(wall_seconds)};
  sys_days day = floor<days>(time);
  year_month_day date{day};
  auto of_day = static_cast<unsigned>((time - day).count());
  auto year = static_cast<unsigned>(static_cast<int>(date.year()));

  char* p = text_.data();
  std::memcpy(p, "Sun, 01 Jan 1970 00:00:00 GMT", kSize);
  std::memcpy(p, kDays + 3 * weekday(day).c_encoding(), 3);
  two_digits(p + 5, static_cast<unsigned>(date.day()));
  std::memcpy(p + 8, kMonths + 3 * (static_cast<unsigned>(date.month()) - 1), 3);
  two_digits(p + 12, year / 100);
  two_digits(p + 14, year);
  two_digits(p + 17, of_day / 3600);
  two_digits(p + 20, of_day / 60 % 60);
  two_digits(p + 23, of_day % 60);
  seconds_ = wall_seconds;
}

}  // namespace gatio::http
