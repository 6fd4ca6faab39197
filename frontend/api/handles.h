// Internal: what the handles of the C interface hold, and what every call does with arguments, errors and exceptions.
#pragma once

#include <atomic>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "frontend/api/arguments.h"
#include "frontend/api/lorikeet.h"
#include "frontend/dialogue.h"
#include "frontend/router_statistics.h"
#include "frontend/session.h"

// `children` counts the handles that were made from this one.
struct lk_device {
  lorikeet::Device device;
  std::atomic<int> children{0};
};
struct lk_model {
  lk_device* parent;
  lorikeet::Model model;
  std::atomic<int> children{0};
};
struct lk_adapter {
  lk_model* parent;
  lorikeet::Adapter adapter;
  std::atomic<int> children{0};  // sessions that use it
};
struct lk_session {
  lk_model* parent;
  std::vector<lk_adapter*> adapters;
  lorikeet::Session session;
  lorikeet::MultiImage multi_image;
  mutable std::vector<std::vector<int32_t>> prompts;  // a slot: its tokens with LK_PICTURE, see lk_session_get_tokens
  // Of each adapter, where they are observed; the session's callback writes there.
  std::unique_ptr<std::vector<lorikeet::RouterStatistics>> routed;
  std::atomic<int> children{0};
};
struct lk_chat {
  lk_session* parent;
  uint32_t slot;
  lorikeet::Dialogue dialogue;
};

namespace lorikeet::api {

lk_status to_status(ErrorCode code);
// Keeps the sentence for lk_last_error of this thread.
lk_status failed(lk_status status, const char* message) noexcept;

// Runs a body that returns a Status, and turns whatever comes out of it into a status and a sentence: the only place of
// Lorikeet that catches everything.
template <class Body>
lk_status guarded(Body body) noexcept {
  try {
    const Status status = body();
    return status ? LK_OK : failed(to_status(status.error().code), status.error().message.c_str());
  } catch (const std::bad_alloc&) {
    return failed(LK_OUT_OF_MEMORY, "The machine has not enough memory.");
  } catch (const std::exception& error) {
    return failed(LK_INTERNAL, error.what());
  } catch (...) {
    return failed(LK_INTERNAL, "A callback or a library threw something that is no error.");
  }
}

Status need(const char* function, std::initializer_list<const void*> pointers);  // that none is null
Status need_slot(const lk_session& session, uint32_t slot);
// The pictures in the order of their places, for Session::set_pictures.
Status set_pictures(lk_session& session, uint32_t slot, const lk_picture* pictures, size_t count);
// Text with a zero behind it, which the caller frees with lk_free.
Status copy_text(const std::string& text, char** copy);
Progress progress_of(lk_progress_fn progress, void* user, const char* what);

inline std::span<const int32_t> ids_of(const int32_t* ids, size_t count) { return {ids, count}; }

// Frees a handle that nothing is made from any more.
template <class Handle>
lk_status release(Handle* handle, const char* what) {
  if (!handle) return LK_OK;
  return guarded([&]() -> Status {
    if (handle->children > 0) return invalid(join("the ", what, " is still in use: free what was made from it first."));
    if constexpr (requires { handle->parent; }) --handle->parent->children;
    delete handle;
    return Done{};
  });
}

}  // namespace lorikeet::api
