// How many questions were answered rightly, and how sure that number is.
#pragma once

#include <cstddef>

namespace lorikeet::tasks {

struct Interval {
  double low = 0, high = 1;
};

struct Accuracy {
  size_t right = 0, of = 0;

  double value() const { return of > 0 ? double(right) / double(of) : 0; }
  // That the share of right answers lies in with 95 % confidence, were there ever more questions of this kind: Wilson's
  // score interval (1927). 0 to 1 for no question.
  Interval interval() const;
};

}  // namespace lorikeet::tasks
