#include "frontend/stop_filter.h"

#include <algorithm>
#include <utility>

namespace lorikeet {
namespace {

// Bytes at the end of `text` that a stop string could begin with.
size_t possible_start(std::string_view text, std::string_view stop) {
  for (size_t size = std::min(text.size(), stop.size() - 1); size > 0; --size)
    if (text.ends_with(stop.substr(0, size))) return size;
  return 0;
}

}  // namespace

StopFilter::StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
}

std::string StopFilter::push(std::string_view text) {
  if (stopped_) return {};
  held_ += text;
  size_t found = std::string::npos, keep = 0;
  for (const std::string& stop : stops_) {
    found = std::min(found, held_.find(stop));
    keep = std::max(keep, possible_start(held_, stop));
  }
  stopped_ = found != std::string::npos;
  std::string certain = held_.substr(0, stopped_ ? found : held_.size() - keep);
  held_.erase(0, certain.size());
  if (stopped_) held_.clear();
  return certain;
}

std::string StopFilter::finish() { return std::exchange(held_, {}); }

}  // namespace lorikeet
