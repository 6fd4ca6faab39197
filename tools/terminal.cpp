#include "tools/terminal.h"

#include <csignal>
#include <cstdio>
#include <string_view>

#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

namespace lorikeet::tool {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kSparse = std::chrono::seconds(5);

std::function<void()> interrupt_action;  // set before the handler is installed, cleared after it is gone

#ifdef _WIN32
bool terminal(int number) { return _isatty(number) != 0; }
void on_interrupt(int) {
  std::signal(SIGINT, on_interrupt);
  if (interrupt_action) interrupt_action();
}
void install() { std::signal(SIGINT, on_interrupt); }
void uninstall() { std::signal(SIGINT, SIG_DFL); }
#else
bool terminal(int number) { return isatty(number) != 0; }
void on_interrupt(int) {
  if (interrupt_action) interrupt_action();
}
struct sigaction previous {};
void install() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: a read that waits for the user returns
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &previous);
}
void uninstall() { sigaction(SIGINT, &previous, nullptr); }
#endif

}  // namespace

bool is_terminal_in() { return terminal(0); }
bool is_terminal_err() { return terminal(2); }

std::string size_text(uint64_t bytes) {
  char text[32];
  if (bytes >= 1'000'000'000) std::snprintf(text, sizeof text, "%.2f GB", double(bytes) * 1e-9);
  else if (bytes >= 1'000'000) std::snprintf(text, sizeof text, "%.1f MB", double(bytes) * 1e-6);
  else std::snprintf(text, sizeof text, "%.1f kB", double(bytes) * 1e-3);
  return text;
}

void say(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

ProgressLine::~ProgressLine() { end(); }

bool ProgressLine::is_due() {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < (is_terminal_err() ? std::chrono::milliseconds(kRedraw) : std::chrono::milliseconds(kSparse)))
    return false;
  last_ = now;
  return true;
}

void ProgressLine::show(uint64_t done, uint64_t total) {
  const unsigned percent = total ? unsigned(100.0 * double(done) / double(total)) : 0;
  show(std::to_string(percent) + " %");
}

void ProgressLine::show(const std::string& text) {
  if (!is_due()) return;
  if (is_terminal_err()) std::fprintf(stderr, "\r%s: %s\x1b[K", what_.c_str(), text.c_str());
  else std::fprintf(stderr, "%s: %s\n", what_.c_str(), text.c_str());
  shown_ = true;
}

void ProgressLine::end() {
  if (shown_ && is_terminal_err()) std::fprintf(stderr, "\r\x1b[K");
  shown_ = false;
}

OnInterrupt::OnInterrupt(std::function<void()> action) {
  interrupt_action = std::move(action);
  install();
}

OnInterrupt::~OnInterrupt() {
  uninstall();
  interrupt_action = nullptr;
}

}  // namespace lorikeet::tool
