// Errors, and what belongs to no handle.
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>

#include "frontend/api/handles.h"
#include "frontend/library.h"

using namespace lorikeet;

namespace {

thread_local std::string last_error;

}  // namespace

namespace lorikeet::api {

lk_status to_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return LK_INVALID_ARGUMENT;
    case ErrorCode::not_found:
      return LK_NOT_FOUND;
    case ErrorCode::corrupt:
      return LK_CORRUPT;
    case ErrorCode::unsupported:
      return LK_UNSUPPORTED;
    case ErrorCode::out_of_memory:
      return LK_OUT_OF_MEMORY;
    case ErrorCode::device_lost:
      return LK_DEVICE_LOST;
    case ErrorCode::io:
      return LK_IO;
    case ErrorCode::cancelled:
      return LK_CANCELLED;
    case ErrorCode::internal:
      return LK_INTERNAL;
  }
  return LK_INTERNAL;
}

lk_status failed(lk_status status, const char* message) noexcept {
  try {
    last_error = message;
  } catch (...) {
    last_error.clear();
  }
  return status;
}

Status need(const char* function, std::initializer_list<const void*> pointers) {
  for (const void* pointer : pointers)
    if (!pointer) return invalid(join(function, " was given a null pointer."));
  return Done{};
}

Status need_slot(const lk_session& session, uint32_t slot) {
  if (slot < session.session.slots()) return Done{};
  return invalid(join("slot ", slot, " does not exist, the session has ", session.session.slots(), "."));
}

Status copy_text(const std::string& text, char** copy) {
  *copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (!*copy) return Error{ErrorCode::out_of_memory, "The machine has not enough memory.", {}};
  std::memcpy(*copy, text.c_str(), text.size() + 1);
  return Done{};
}

Progress progress_of(lk_progress_fn progress, void* user, const char* what) {
  if (!progress) return {};
  return [=](size_t done, size_t total) { progress(user, what, done, total); };
}

}  // namespace lorikeet::api

const char* lk_version(void) {
  static const std::string text(version());
  return text.c_str();
}

const char* lk_status_name(lk_status status) {
  static constexpr const char* kNames[] = {"ok",          "invalid_argument", "not_found",   "corrupt",
                                           "unsupported", "out_of_memory",    "device_lost", "io",
                                           "cancelled",   "internal"};
  return size_t(status) < std::size(kNames) ? kNames[size_t(status)] : "unknown";
}

const char* lk_last_error(void) { return last_error.c_str(); }
void lk_free(void* memory) { std::free(memory); }
