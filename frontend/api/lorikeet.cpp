// The C interface over Device, Model, Session, Generator and Dialogue: translation of arguments, results and errors,
// and nothing else. The only file of Lorikeet that catches everything.
#include "frontend/api/lorikeet.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <string>

#include "frontend/api/arguments.h"
#include "frontend/dialogue.h"
#include "frontend/generation.h"
#include "frontend/library.h"
#include "frontend/session.h"
#include "runtime/base/text.h"

using namespace lorikeet;
using api::read_options;
using api::write_struct;

// `children` counts the handles that were made from this one.
struct lk_device {
  Device device;
  std::atomic<int> children{0};
};
struct lk_model {
  lk_device* parent;
  Model model;
  std::atomic<int> children{0};
};
struct lk_session {
  lk_model* parent;
  Session session;
  std::atomic<int> children{0};
};
struct lk_chat {
  lk_session* parent;
  Dialogue dialogue;
};

namespace {

thread_local std::string last_error;

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

// Runs a body that returns a Status, and turns whatever comes out of it into a status and a sentence.
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

Status need(const char* function, std::initializer_list<const void*> pointers) {
  for (const void* pointer : pointers)
    if (!pointer) return invalid(join(function, " was given a null pointer."));
  return Done{};
}

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

Result<DeviceRequest> device_request(const lk_device_options* given) {
  LK_ASSIGN(const lk_device_options o, read_options(given, "lk_device_options"));
  DeviceRequest request{Options::from_environment(), {}};
  if (o.device) request.options.device = o.device;
  if (o.cache_folder) request.options.cache_dir = o.cache_folder;
  if (o.compile_threads > 0) request.options.compile_threads = o.compile_threads;
  if (o.validation) request.options.validation = true;
  if (o.log) request.log = [log = o.log, user = o.log_user](const std::string& line) { log(user, line.c_str()); };
  return request;
}

const char* kind_name(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::cpu:
      return "cpu";
    case DeviceKind::integrated:
      return "integrated";
    case DeviceKind::discrete:
      return "discrete";
    case DeviceKind::other:
      return "other";
  }
  return "other";
}

Progress progress_of(lk_progress_fn progress, void* user, const char* what) {
  if (!progress) return {};
  return [=](size_t done, size_t total) { progress(user, what, done, total); };
}

Result<SessionOptions> session_options(const lk_session_options* given) {
  LK_ASSIGN(const lk_session_options o, read_options(given, "lk_session_options"));
  SessionOptions options;
  options.context = o.context;
  options.kv = o.kv_f16 ? DType::f16 : DType::f32;
  options.slots = o.slots ? o.slots : 1;
  options.reproducible = o.reproducible != 0;
  options.logit_bias = o.logit_bias != 0;
  options.fuse = Options::from_environment().fuse;
  options.progress = progress_of(o.progress, o.progress_user, "kernels");
  return options;
}

Result<GenerationOptions> generation_options(const lk_generate_options* given) {
  LK_ASSIGN(const lk_generate_options o, read_options(given, "lk_generate_options"));
  if (o.temperature < 0) return invalid(join("temperature must not be below 0, ", o.temperature, " was given."));
  if (o.max_tokens < 0) return invalid(join("max_tokens must not be below 0, ", o.max_tokens, " was given."));
  if (o.stop_count > 0 && !o.stop) return invalid("stop_count is above 0, but stop is null.");
  GenerationOptions options;
  SamplerSettings& s = options.sampler;
  s.greedy = o.temperature == 0;
  if (!s.greedy) s.temperature = o.temperature;
  s.top_k = o.top_k;
  if (o.top_p != 0) s.top_p = o.top_p;
  s.min_p = o.min_p;
  if (o.repeat_penalty != 0) s.repeat_penalty = o.repeat_penalty;
  s.seed = o.seed;
  options.max_tokens = o.max_tokens > 0 ? o.max_tokens : -1;
  options.ignore_eos = o.ignore_eos != 0;
  for (size_t i = 0; i < o.stop_count; ++i) {
    LK_TRY(need("lk_generate_options.stop", {o.stop[i]}));
    options.stop.emplace_back(o.stop[i]);
  }
  return options;
}

OnPiece on_piece(lk_token_fn on_token, void* user) {
  if (!on_token) return {};
  return [=, text = std::string()](std::string_view piece, int32_t token) mutable {
    text = piece;
    return on_token(user, token, text.c_str(), text.size()) == 0;
  };
}

lk_stop_reason to_reason(StopReason reason) {
  switch (reason) {
    case StopReason::eos:
      return LK_STOP_EOS;
    case StopReason::stop:
      return LK_STOP_TEXT;
    case StopReason::length:
      return LK_STOP_LENGTH;
    case StopReason::cancelled:
      return LK_STOP_CANCELLED;
  }
  return LK_STOP_LENGTH;
}

Status write_answer(const Answer& answer, lk_answer* out) {
  if (!out) return Done{};
  return write_struct(lk_answer{sizeof(lk_answer), to_reason(answer.stop_reason), answer.timings.prompt_tokens,
                                answer.timings.generated_tokens, answer.timings.prompt_ms, answer.timings.generate_ms},
                      out, "lk_answer");
}

std::span<const int32_t> ids_of(const int32_t* ids, size_t count) { return {ids, count}; }

Status need_slot(const lk_session& session, uint32_t slot) {
  if (slot < session.session.slots()) return Done{};
  return invalid(join("slot ", slot, " does not exist, the session has ", session.session.slots(), "."));
}

}  // namespace

// -- general

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

// -- devices

lk_status lk_device_list(const lk_device_options* options, lk_device_info_fn on_device, void* user) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_device_list", {reinterpret_cast<const void*>(on_device)}));
    LK_ASSIGN(const DeviceRequest request, device_request(options));
    LK_ASSIGN(const std::vector<DeviceCandidate> devices, Device::list(request.options));
    for (const DeviceCandidate& d : devices) {
      const lk_device_info info{sizeof info,
                                d.index,
                                d.usable,
                                d.chosen,
                                d.profile.name.c_str(),
                                d.profile.driver.c_str(),
                                kind_name(d.profile.kind),
                                d.reason.c_str(),
                                d.profile.memory_bytes};
      on_device(user, &info);
    }
    return Done{};
  });
}

lk_status lk_device_open(const lk_device_options* options, lk_device** device) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_device_open", {device}));
    *device = nullptr;
    LK_ASSIGN(const DeviceRequest request, device_request(options));
    LK_ASSIGN(Device opened, Device::open(request));
    *device = new lk_device{std::move(opened)};
    return Done{};
  });
}

lk_status lk_device_adopt(const lk_external_device* external, const lk_device_options* options, lk_device** device) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_device_adopt", {external, device}));
    *device = nullptr;
    LK_ASSIGN(const lk_external_device e, read_options(external, "lk_external_device"));
    LK_ASSIGN(const DeviceRequest request, device_request(options));
    ExternalDevice given;
    given.get_instance_proc_addr = e.get_instance_proc_addr;
    given.instance = e.instance;
    given.physical_device = e.physical_device;
    given.device = e.device;
    given.queue = e.queue;
    given.queue_family = e.queue_family;
    given.storage_16 = e.storage_16 != 0;
    given.float16 = e.float16 != 0;
    given.storage_8 = e.storage_8 != 0;
    given.integer_dot = e.integer_dot != 0;
    given.timeline = e.timeline != 0;
    LK_ASSIGN(Device adopted, Device::adopt(given, request));
    *device = new lk_device{std::move(adopted)};
    return Done{};
  });
}

lk_status lk_device_close(lk_device* device) { return release(device, "device"); }
const char* lk_device_name(const lk_device* device) { return device ? device->device.profile().name.c_str() : ""; }

lk_status lk_device_memory(const lk_device* device, uint64_t* used, uint64_t* available) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_device_memory", {device}));
    if (used) *used = device->device.memory_used();
    if (available) *available = device->device.memory_available();
    return Done{};
  });
}

// -- models

lk_status lk_model_memory(const char* path, uint64_t* weight_bytes, uint64_t* file_bytes) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_model_memory", {path}));
    LK_ASSIGN(const ModelMemory memory, Model::memory(path));
    if (weight_bytes) *weight_bytes = memory.weight_bytes;
    if (file_bytes) *file_bytes = memory.file_bytes;
    return Done{};
  });
}

lk_status lk_model_load(lk_device* device, const char* path, const lk_model_options* options, lk_model** model) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_model_load", {device, path, model}));
    *model = nullptr;
    LK_ASSIGN(const lk_model_options o, read_options(options, "lk_model_options"));
    ModelOptions how;
    how.upload = progress_of(o.progress, o.progress_user, "weights");
    if (o.notice)
      how.notice = [notice = o.notice, user = o.notice_user](const std::string& line) { notice(user, line.c_str()); };
    LK_ASSIGN(Model loaded, Model::load(device->device, path, how));
    *model = new lk_model{device, std::move(loaded)};
    ++device->children;
    return Done{};
  });
}

lk_status lk_model_free(lk_model* model) { return release(model, "model"); }

lk_status lk_model_get_info(const lk_model* model, lk_model_info* info) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_model_get_info", {model, info}));
    const DecoderConfig& c = model->model.config();
    const Tokenizer* tokenizer = model->model.tokenizer();
    const ModelMemory memory = model->model.memory();
    return write_struct(
        lk_model_info{sizeof(lk_model_info), c.model_type.c_str(), c.layers, c.hidden, c.vocabulary, c.context_length,
                      tokenizer != nullptr, tokenizer && !tokenizer->chat_template().empty(), memory.weight_bytes,
                      memory.file_bytes},
        info, "lk_model_info");
  });
}

lk_status lk_tokenize(const lk_model* model, const char* text, size_t text_size, uint32_t flags, int32_t* ids,
                      size_t capacity, size_t* count) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_tokenize", {model, count}));
    if ((!text && text_size) || (!ids && capacity)) return need("lk_tokenize", {nullptr});
    LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(model->model));
    LK_ASSIGN(const std::vector<int32_t> all,
              tokenizer->encode({text, text_size}, {.parse_special = (flags & LK_PARSE_SPECIAL) != 0,
                                                    .add_special = (flags & LK_ADD_SPECIAL) != 0}));
    std::copy_n(all.begin(), std::min(capacity, all.size()), ids);
    *count = all.size();
    return Done{};
  });
}

lk_status lk_detokenize(const lk_model* model, const int32_t* ids, size_t count, char* text, size_t capacity,
                        size_t* size) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_detokenize", {model, size}));
    if ((!ids && count) || (!text && capacity)) return need("lk_detokenize", {nullptr});
    LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(model->model));
    const std::string all = tokenizer->decode(ids_of(ids, count));
    std::copy_n(all.begin(), std::min(capacity, all.size()), text);
    *size = all.size();
    return Done{};
  });
}

// -- sessions

lk_status lk_session_get_memory(lk_model* model, const lk_session_options* options, lk_session_memory* memory) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_get_memory", {model, memory}));
    LK_ASSIGN(const SessionOptions how, session_options(options));
    LK_ASSIGN(const SessionMemory m, Session::memory(model->model, how));
    return write_struct(lk_session_memory{sizeof(lk_session_memory), m.cache_bytes, m.scratch_bytes, m.table_bytes},
                        memory, "lk_session_memory");
  });
}

lk_status lk_session_create(lk_model* model, const lk_session_options* options, lk_session** session) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_create", {model, session}));
    *session = nullptr;
    LK_ASSIGN(const SessionOptions how, session_options(options));
    LK_ASSIGN(Session created, Session::create(model->model, how));
    *session = new lk_session{model, std::move(created)};
    ++model->children;
    return Done{};
  });
}

lk_status lk_session_free(lk_session* session) { return release(session, "session"); }
int64_t lk_session_context(const lk_session* session) { return session ? session->session.context() : 0; }

void lk_session_cancel(lk_session* session) {
  if (session) session->session.cancel();
}

lk_status lk_session_set_text(lk_session* session, uint32_t slot, const char* text, size_t text_size) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_set_text", {session, text}));
    LK_ASSIGN(const std::vector<int32_t> ids, prompt_ids(session->parent->model, {text, text_size}));
    return session->session.set_tokens(slot, ids);
  });
}

lk_status lk_session_set_tokens(lk_session* session, uint32_t slot, const int32_t* ids, size_t count) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_set_tokens", {session, ids}));
    return session->session.set_tokens(slot, ids_of(ids, count));
  });
}

lk_status lk_session_get_tokens(const lk_session* session, uint32_t slot, const int32_t** ids, size_t* count) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_get_tokens", {session, ids, count}));
    LK_TRY(need_slot(*session, slot));
    *ids = session->session.tokens(slot).data();
    *count = session->session.tokens(slot).size();
    return Done{};
  });
}

lk_status lk_session_clear(lk_session* session, uint32_t slot) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_clear", {session}));
    LK_TRY(need_slot(*session, slot));
    session->session.clear(slot);
    return Done{};
  });
}

lk_status lk_session_fork(lk_session* session, uint32_t from, uint32_t to) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_fork", {session}));
    return session->session.fork(from, to);
  });
}

lk_status lk_session_save(lk_session* session, uint32_t slot, void** data, size_t* size) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_save", {session, data, size}));
    *data = nullptr;
    LK_ASSIGN(const std::string saved, session->session.save(slot));
    void* copy = std::malloc(saved.size());
    if (!copy) return Error{ErrorCode::out_of_memory, "The machine has not enough memory.", {}};
    std::memcpy(copy, saved.data(), saved.size());
    *data = copy;
    *size = saved.size();
    return Done{};
  });
}

lk_status lk_session_restore(lk_session* session, uint32_t slot, const void* data, size_t size) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_restore", {session, data}));
    return session->session.restore(slot, {static_cast<const char*>(data), size});
  });
}

lk_status lk_session_set_logit_bias(lk_session* session, uint32_t slot, const float* bias, size_t count) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_set_logit_bias", {session}));
    if (count > 0) LK_TRY(need("lk_session_set_logit_bias", {bias}));
    return session->session.set_logit_bias(slot, {bias, count});
  });
}

lk_status lk_session_logits(lk_session* session, uint32_t slot, const int32_t* ids, size_t count, lk_logits_fn on_rows,
                            void* user) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_logits", {session, ids, reinterpret_cast<const void*>(on_rows)}));
    const size_t vocabulary = session->parent->model.config().vocabulary;
    return session->session.logits(
        slot, ids_of(ids, count), [&](int64_t first, std::span<const float> values) -> Status {
          if (on_rows(user, first, values.data(), values.size() / vocabulary, vocabulary) == 0) return Done{};
          return Error{ErrorCode::cancelled, "cancelled.", {}};
        });
  });
}

lk_status lk_session_log_probs(lk_session* session, uint32_t slot, const int32_t* ids, size_t count, float* log_probs) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_log_probs", {session, ids}));
    if (count > 1) LK_TRY(need("lk_session_log_probs", {log_probs}));
    LK_ASSIGN(const std::vector<float> values, session->session.log_probs(slot, ids_of(ids, count)));
    std::copy(values.begin(), values.end(), log_probs);
    return Done{};
  });
}

// -- answers

lk_status lk_generate(lk_session* session, uint32_t slot, const lk_generate_options* options, lk_token_fn on_token,
                      void* user, lk_answer* answer) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_generate", {session}));
    LK_TRY(need_slot(*session, slot));
    LK_ASSIGN(const GenerationOptions how, generation_options(options));
    Generator generator(session->parent->model, session->session, slot);
    const std::vector<int32_t> prompt = session->session.tokens(slot);
    LK_ASSIGN(const Answer result, generator.answer(prompt, how, on_piece(on_token, user)));
    return write_answer(result, answer);
  });
}

lk_status lk_chat_create(lk_session* session, const lk_chat_options* options, lk_chat** chat) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_chat_create", {session, chat}));
    *chat = nullptr;
    LK_ASSIGN(const lk_chat_options o, read_options(options, "lk_chat_options"));
    LK_TRY(need_slot(*session, o.slot));
    DialogueOptions how;
    how.slot = o.slot;
    if (o.system_message) how.system = o.system_message;
    if (o.chat_template) how.chat_template = o.chat_template;
    how.notice = [device = &session->parent->parent->device](const std::string& line) { device->log(line); };
    LK_ASSIGN(Dialogue dialogue, Dialogue::create(session->parent->model, session->session, how));
    *chat = new lk_chat{session, std::move(dialogue)};
    ++session->children;
    return Done{};
  });
}

lk_status lk_chat_ask(lk_chat* chat, const char* question, const lk_generate_options* options, lk_token_fn on_token,
                      void* user, lk_answer* answer) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_chat_ask", {chat, question}));
    LK_ASSIGN(const GenerationOptions how, generation_options(options));
    LK_ASSIGN(const Answer result, chat->dialogue.ask(question, how, on_piece(on_token, user)));
    return write_answer(result, answer);
  });
}

lk_status lk_chat_reset(lk_chat* chat) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_chat_reset", {chat}));
    chat->dialogue.reset();
    return Done{};
  });
}

lk_status lk_chat_free(lk_chat* chat) {
  if (!chat) return LK_OK;
  return guarded([&]() -> Status {
    --chat->parent->children;
    delete chat;
    return Done{};
  });
}
