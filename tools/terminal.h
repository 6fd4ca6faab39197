// What the program shows on the terminal: sizes, progress on stderr, the interrupt key.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

namespace lorikeet::tool {

bool is_terminal_in();                  // stdin
bool is_terminal_err();                 // stderr
std::string size_text(uint64_t bytes);  // "98.4 MB"
void say(const std::string& line);      // one line on stderr
void print(std::string_view text);      // to stdout, at once

// By printf's rules; at most 255 characters.
template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

// One line on a terminal, overwritten as it advances and removed at the end; elsewhere a line now and then.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what) : what_(std::move(what)) {}
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  void show(uint64_t done, uint64_t total);
  void show(const std::string& text);  // instead of a share
  void end();

 private:
  bool is_due();
  std::string what_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// While it lives, the interrupt key calls `action` (which must be safe in a signal handler) instead of ending the
// program.
class OnInterrupt {
 public:
  explicit OnInterrupt(std::function<void()> action);
  ~OnInterrupt();
  OnInterrupt(const OnInterrupt&) = delete;
};

}  // namespace lorikeet::tool
