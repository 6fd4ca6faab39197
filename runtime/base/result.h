// Result<T>: a value or an Error. Nothing in Lorikeet throws across a public boundary or ends the host process.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace lorikeet {

enum class ErrorCode {
  invalid_argument,  // the caller asked for something that makes no sense
  not_found,         // a file, tensor, device or key is missing
  corrupt,           // a file's bytes contradict themselves
  unsupported,       // well-formed, but not implemented here or not possible on this device
  out_of_memory,     // host or device
  device_lost,       // the device stopped; rebuild and go on
  io,                // the operating system refused
  cancelled,
  internal,  // a defect in Lorikeet
};

// `message` is one full sentence: the op or file first, what was expected, what was given.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string detail;  // optional: more lines for a log
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(content_); }
  const T& value() const& { return std::get<0>(content_); }
  T&& value() && { return std::get<0>(std::move(content_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Error& error() & { return std::get<1>(content_); }
  const Error& error() const& { return std::get<1>(content_); }
  Error&& error() && { return std::get<1>(std::move(content_)); }

 private:
  std::variant<T, Error> content_;
};

struct Done {};  // the value of a Status that is fine
using Status = Result<Done>;

inline Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }
inline Error corrupt(std::string message) { return {ErrorCode::corrupt, std::move(message), {}}; }
inline Error unsupported(std::string message) { return {ErrorCode::unsupported, std::move(message), {}}; }
inline Error not_found(std::string message) { return {ErrorCode::not_found, std::move(message), {}}; }

}  // namespace lorikeet

#define LK_CONCAT_(a, b) a##b
#define LK_CONCAT(a, b) LK_CONCAT_(a, b)
// LK_TRY(expression): returns its error from the enclosing function.
#define LK_TRY(expression)                                                                 \
  do {                                                                                     \
    if (auto lk_status_ = (expression); !lk_status_) return std::move(lk_status_).error(); \
  } while (false)
// LK_ASSIGN(auto x, expression): declares x as the value, or returns the error.
#define LK_ASSIGN(declaration, expression) LK_ASSIGN_(LK_CONCAT(lk_result_, __LINE__), declaration, expression)
#define LK_ASSIGN_(result, declaration, expression) \
  auto result = (expression);                       \
  if (!result) return std::move(result).error();    \
  declaration = std::move(result).value()
