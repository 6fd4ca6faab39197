#include "frontend/session_state.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "frontend/routing_report.h"
#include "runtime/base/counted.h"
#include "runtime/base/text.h"
#include "runtime/plan/upload.h"

namespace lorikeet {
namespace {

constexpr int64_t kDefaultContext = 4096;
constexpr int64_t kFirstPositions = 256;  // the cache starts with room for these, and doubles
constexpr int64_t kRing = 64;
constexpr size_t kMostAdapters = 32;       // a bit each
constexpr int64_t kTypicalQuestion = 256;  // tokens, for the plan of memory

int64_t seen_words(const Model& model) { return (int64_t(model.config().vocabulary) + 31) / 32; }

uint32_t blocks_for(int64_t positions) {
  return uint32_t((positions + shader::kKvBlockPositions - 1) / shader::kKvBlockPositions);
}

std::vector<AdapterInGraph> adapters_in_graph(const SessionOptions& options) {
  std::vector<AdapterInGraph> adapters;
  for (const auto& [adapter, scale] : options.adapters)
    adapters.push_back({.config = &adapter->config,
                        .tensors = &adapter->tensors,
                        .name = adapter_name(adapters.size()),
                        .scale = scale,
                        .bit = uint32_t(adapters.size()),
                        .observe = bool(options.on_routed)});
  return adapters;
}

uint32_t bits(float value) { return std::bit_cast<uint32_t>(value); }

}  // namespace

std::string adapter_name(size_t number) { return join("adapter.", number); }

Status check_sampler(const SamplerSettings& s) {
  const auto wrong = [](const char* what, const char* range, float given) {
    return invalid(join(what, " must be ", range, ", ", given, " was given."));
  };
  if (!s.greedy && !(s.temperature > 0 && std::isfinite(s.temperature)))
    return wrong("temperature", "above 0", s.temperature);
  if (!(s.top_p > 0 && s.top_p <= 1)) return wrong("top-p", "above 0 and at most 1", s.top_p);
  if (!(s.min_p >= 0 && s.min_p < 1)) return wrong("min-p", "at least 0 and below 1", s.min_p);
  if (!(s.repeat_penalty > 0 && std::isfinite(s.repeat_penalty)))
    return wrong("repeat-penalty", "above 0", s.repeat_penalty);
  return Done{};
}

// --- conversations ---------------------------------------------------------------------------------------------------

void Conversation::note_feed(int64_t rung, int64_t count) {
  cached += count;
  if (!feeds.empty() && feeds.back().rung == rung && feeds.back().count == count) ++feeds.back().times;
  else feeds.push_back({rung, count, 1});
}

void Conversation::truncate(int64_t length) {
  std::vector<Feed> kept;
  int64_t left = std::max<int64_t>(length, 0);
  for (const Feed& fed : feeds) {
    const int64_t whole = std::min(fed.times, left / fed.count);
    if (whole > 0) kept.push_back({fed.rung, fed.count, whole});
    left -= whole * fed.count;
    if (whole == fed.times) continue;
    if (left > 0) kept.push_back({fed.rung, left, 1});
    left = 0;
    break;
  }
  feeds = std::move(kept);
  cached = 0;
  for (const Feed& fed : feeds) cached += fed.count * fed.times;
}

// --- making it -------------------------------------------------------------------------------------------------------

int64_t SessionState::context(const Model& model, const SessionOptions& options) {
  const int64_t limit = model.config().context_length;
  return options.context ? options.context : limit ? std::min(kDefaultContext, limit) : kDefaultContext;
}

Status SessionState::check(Model& model, const SessionOptions& options) {
  const int64_t limit = model.config().context_length;
  if (options.context < 0 || (limit > 0 && options.context > limit))
    return invalid(
        join("the context must be between 1 and the model's ", limit, " positions, ", options.context, " were given."));
  if (options.kv != DType::f32 && options.kv != DType::f16)
    return invalid(join("the KV cache is f32 or f16, not ", name(options.kv), "."));
  if (options.kv == DType::f16 && model.config().head_dim % 2)
    return unsupported(join("an f16 cache needs an even head size, this model's is ", model.config().head_dim, "."));
  if (options.pictures < 1 || options.pictures > 64)
    return invalid(join("a conversation has 1 to 64 pictures, ", options.pictures, " were given."));
  if (options.adapters.size() > kMostAdapters)
    return invalid(
        join("a session has at most ", kMostAdapters, " adapters, ", options.adapters.size(), " were given."));
  if (options.slots < 1 || options.slots > kMaxRows)
    return invalid(join("a session has 1 to ", kMaxRows, " slots, ", options.slots, " were given."));
  if (const auto& factor = model.config().factor; options.active > 0 && !factor)
    return invalid(join(options.active, " active experts were asked for, but the model is not factored into experts."));
  else if (options.active > 0 && options.active > factor->experts)
    return invalid(join("a row goes through 1 to ", factor->experts, " experts of this model, ", options.active,
                        " were asked for."));
  const auto& picture = model.config().picture;
  return picture && picture->use_experts ? check_policy(options.routing, picture->experts) : Status(Done{});
}

SessionState::SessionState(Model& model, const SessionOptions& options)
    : model_(&model),
      options_(options),
      context_(context(model, options)),
      blocks_per_slot_(blocks_for(context_)),
      tables_(uint32_t(kMaxRows), options.slots, blocks_per_slot_),
      sampling_(options.slots, true),
      adapters_in_table_(options.slots, 0) {}

SessionState::~SessionState() {
  if (uploader_) (void)uploader_->finish();  // of a lost device nothing is in flight
}

SessionSizes SessionState::sizes(int64_t places) const {
  return {.places = places,
          .kv = options_.kv,
          .slots = options_.slots,
          .ring = kRing,
          .control_words = int64_t(tables_.words()),
          .kv_limit = context_,
          .visual_rows = visual_rows() * options_.slots,
          .logit_bias = options_.logit_bias};
}

int64_t SessionState::visual_rows() const {
  const auto& picture = model_->config().picture;
  return picture ? picture->visual_tokens() * options_.pictures : 0;
}

Result<Buffer*> SessionState::make(std::unique_ptr<Buffer>& place, uint64_t bytes, MemoryUse use, const char* name) {
  LK_ASSIGN(Buffer buffer, model_->device().create_buffer({(bytes + 255) / 256 * 256, use, name}));
  place = std::make_unique<Buffer>(std::move(buffer));
  return place.get();
}

Result<std::unique_ptr<SessionState>> SessionState::create(Model& model, const SessionOptions& options) {
  std::unique_ptr<SessionState> state(new SessionState(model, options));
  Device& device = model.device();
  const uint64_t slots = options.slots, vocabulary = model.config().vocabulary;
  LK_TRY(state->make(state->control_, state->tables_.words() * 4, MemoryUse::device, "control"));
  LK_TRY(state->make(state->seen_, slots * uint64_t(seen_words(model)) * 4, MemoryUse::device, "seen"));
  LK_TRY(state->make(state->tokens_, slots * kRing * 4, MemoryUse::readback, "tokens"));
  LK_TRY(state->make(state->target_, kMaxRows * 4, MemoryUse::device, "target"));
  if (const int64_t rows = state->visual_rows())
    LK_TRY(
        state->make(state->visual_, slots * uint64_t(rows) * model.config().hidden * 4, MemoryUse::device, "visual"));
  if (options.logit_bias) LK_TRY(state->make(state->bias_, slots * vocabulary * 4, MemoryUse::device, "logit_bias"));
  const uint64_t largest =
      std::max({state->tables_.words() * 4, uint64_t(seen_words(model)) * 4, options.logit_bias ? vocabulary * 4 : 0});
  for (size_t i = 0; i < options.adapters.size(); ++i) {
    LK_ASSIGN(AdapterMemory memory,
              AdapterMemory::create(device, options.adapters[i].adapter->tensors, adapter_name(i)));
    state->adapters_.push_back(std::move(memory));
  }
  LK_ASSIGN(Uploader uploader, Uploader::create(device, largest, 3));
  state->uploader_ = std::make_unique<Uploader>(std::move(uploader));
  const int64_t first = blocks_for(std::min(state->context_, kFirstPositions)) * int64_t(options.slots);
  LK_ASSIGN(KvCache cache, KvCache::create(device, model.config(), options.kv, first));
  state->cache_ = std::make_unique<KvCache>(std::move(cache));
  SessionState* self = state.get();
  state->plans_ = std::make_unique<PlanLadder>(
      model, state->sizes(state->cache_->places()), [self](const GraphTensor& info) { return self->storage(info); },
      LadderOptions{options.fuse, options.reproducible, options.timestamps, options.progress,
                    adapters_in_graph(options), options.active, bool(options.on_routed)});
  LK_TRY(state->tables_.upload_blocks(*state->uploader_, {state->control_.get(), 0, state->tables_.words() * 4}));
  return state;
}

Result<SessionMemory> SessionState::memory(Model& model, const SessionOptions& options) {
  SessionState draft(model, options);
  SessionMemory memory;
  const int64_t places = int64_t(draft.blocks_per_slot_) * shader::kKvBlockPositions * options.slots;
  memory.cache_bytes = KvCache::bytes(model.config(), options.kv, places);
  memory.table_bytes = draft.tables_.words() * 4 + options.slots * (uint64_t(seen_words(model)) + kRing) * 4 +
                       (options.logit_bias ? options.slots * uint64_t(model.config().vocabulary) * 4 : 0) +
                       options.slots * uint64_t(draft.visual_rows()) * model.config().hidden * 4;
  for (const AdapterUse& use : options.adapters) memory.adapter_bytes += AdapterMemory::bytes(use.adapter->tensors);
  PlanLadder ladder(model, draft.sizes(places), {},
                    {options.fuse,
                     options.reproducible,
                     false,
                     {},
                     adapters_in_graph(options),
                     options.active,
                     bool(options.on_routed)});
  LK_ASSIGN(const uint64_t read, ladder.scratch_bytes(rung_for(std::min(draft.context_, kMaxRows)), Head::none));
  LK_ASSIGN(const uint64_t sample, ladder.scratch_bytes(rung_for(options.slots), Head::sample));
  memory.scratch_bytes = std::max(read, sample);
  if (model.config().picture) {
    const DraftRequest request{
        .profile = &model.device().profile(), .table = &model.choices(), .kernels = &model.kernels()};
    LK_ASSIGN(memory.picture_bytes, Viewer::scratch_bytes(model.config(), model.weights(), request,
                                                          {options.routing, options.fuse}, kTypicalQuestion));
  }
  return memory;
}

Result<std::vector<Slice>> SessionState::storage(const GraphTensor& info) const {
  const auto whole = [](const Buffer& buffer) { return std::vector<Slice>{{&buffer, 0, buffer.size()}}; };
  const std::string& name = info.name;
  if (info.kind == TensorKind::weight) return model_->storage(info);
  if (name.starts_with("cache.k.")) return std::vector<Slice>{cache_->keys(std::stol(name.substr(8)))};
  if (name.starts_with("cache.v.")) return std::vector<Slice>{cache_->values(std::stol(name.substr(8)))};
  if (name == "control") return whole(*control_);
  if (name == "seen") return whole(*seen_);
  if (name == "tokens") return whole(*tokens_);
  if (name == "target") return whole(*target_);
  if (name == "logit_bias") return whole(*bias_);
  if (name == "visual") return whole(*visual_);
  for (const AdapterMemory& adapter : adapters_)
    if (auto slices = adapter.storage(name); !slices.empty()) return slices;
  return Error{ErrorCode::internal, join("[session] has no state named ", name, "."), {}};
}

// --- the cache -------------------------------------------------------------------------------------------------------

Status SessionState::reserve(std::vector<Conversation>& conversations, uint32_t slot, int64_t positions) {
  Conversation& conversation = conversations[slot];
  const uint32_t wanted = blocks_for(positions);
  if (wanted <= conversation.blocks.size()) return Done{};
  const size_t missing = wanted - conversation.blocks.size();
  if (cache_->free_blocks() < missing) {
    const int64_t blocks = cache_->places() / shader::kKvBlockPositions;
    const int64_t most = int64_t(blocks_per_slot_) * options_.slots;
    const int64_t larger = std::min(most, std::max(2 * blocks, blocks + int64_t(missing)));
    plans_->clear();
    LK_TRY(uploader_->finish());
    LK_TRY(cache_->grow(model_->device(), larger));
    plans_->resize(sizes(cache_->places()));
  }
  while (conversation.blocks.size() < wanted) conversation.blocks.push_back(cache_->take_block());
  tables_.set_blocks(slot, conversation.blocks);
  return tables_.upload_blocks(*uploader_, {control_.get(), 0, tables_.words() * 4});
}

void SessionState::release_blocks(Conversation& conversation) {
  while (conversation.blocks.size() > blocks_for(conversation.cached)) {
    cache_->give_back(conversation.blocks.back());
    conversation.blocks.pop_back();
  }
}

Status SessionState::copy_cache(const Conversation& from, const Conversation& to) {
  const auto count = blocks_for(from.cached);
  return cache_->copy_blocks(model_->device(), {from.blocks.begin(), from.blocks.begin() + count},
                             {to.blocks.begin(), to.blocks.begin() + count});
}

// --- pictures --------------------------------------------------------------------------------------------------------

Slice SessionState::visual(uint32_t slot, int64_t first, int64_t count) const {
  const uint64_t row = uint64_t(model_->config().hidden) * 4;
  return {visual_.get(), (slot * uint64_t(visual_rows()) + uint64_t(first)) * row, uint64_t(count) * row};
}

Status SessionState::see(Conversation& conversation, uint32_t slot) {
  if (!viewer_) {
    LK_ASSIGN(Viewer viewer, Viewer::create(*model_, {options_.routing, options_.fuse, options_.progress}));
    viewer_ = std::make_unique<Viewer>(std::move(viewer));
  }
  const int64_t tokens = model_->config().picture->visual_tokens();
  conversation.routings.clear();
  const size_t routed = options_.multi_image == MultiImage::each ? conversation.pictures.size() : 1;
  for (size_t i = 0; i < routed; ++i) {
    LK_ASSIGN(PictureRouting routing,
              viewer_->see(*conversation.pictures[i], conversation.asked, visual(slot, int64_t(i) * tokens, tokens)));
    conversation.routings.push_back(std::move(routing));
  }
  return Done{};
}

shader::Row SessionState::row(const Conversation& conversation, uint32_t slot, int64_t position, uint32_t flags) const {
  const int32_t token = conversation.tokens[size_t(position)];
  if (token >= 0) return {slot, uint32_t(position), uint32_t(token), flags};
  const uint32_t row = token == kZeroVisual ? UINT32_MAX : slot * uint32_t(visual_rows()) + uint32_t(-1 - token);
  return {slot, uint32_t(position), row, flags | shader::kRowVisual};
}

Status SessionState::copy_visual(uint32_t from, uint32_t to) {
  if (!visual_) return Done{};
  const SliceCopy copy{visual(from, 0, visual_rows()), visual(to, 0, visual_rows())};
  return copy_slices(model_->device(), std::span(&copy, 1));
}

// --- the control tables ----------------------------------------------------------------------------------------------

Status SessionState::set_rows(std::span<const shader::Row> rows, std::span<const uint32_t> wanted, int64_t rung) {
  tables_.set_rows(rows, wanted, uint32_t(rung));
  return tables_.upload_rows(*uploader_, {control_.get(), 0, tables_.words() * 4});
}

Status SessionState::start_reading(const Conversation& conversation, uint32_t slot) {
  if (!sampling_[slot] && adapters_in_table_[slot] == conversation.adapters) return Done{};
  tables_.set_slot(slot, {.adapters = conversation.adapters});
  adapters_in_table_[slot] = conversation.adapters;
  LK_TRY(tables_.upload_slot(*uploader_, {control_.get(), 0, tables_.words() * 4}, slot));
  sampling_[slot] = false;
  return Done{};
}

Status SessionState::set_targets(std::span<const int32_t> targets) {
  return uploader_->write({target_.get(), 0, targets.size_bytes()}, std::as_bytes(targets));
}

Status SessionState::start_sampling(const GenerateRequest& request, const Conversation& conversation,
                                    uint32_t max_tokens) {
  const SamplerSettings& s = request.sampler;
  const uint32_t words = uint32_t(seen_words(*model_));
  shader::Slot slot{};
  slot.generated = conversation.sampled;
  slot.maximum = conversation.sampled + max_tokens;
  slot.greedy = s.greedy;
  slot.temperature = bits(s.temperature);
  slot.top_k = s.top_k;
  slot.top_p = bits(s.top_p);
  slot.min_p = bits(s.min_p);
  slot.repeat_penalty = bits(s.repeat_penalty);
  slot.seed_low = uint32_t(s.seed);
  slot.seed_high = uint32_t(s.seed >> 32);
  slot.history = request.slot * words;
  slot.flags = conversation.logit_bias.empty() ? 0 : shader::kSlotBias;
  slot.adapters = adapters_in_table_[request.slot] = conversation.adapters;
  for (int32_t id : request.stop_ids)  // the host tests those that do not fit as well
    if (slot.stop_count < std::size(slot.stop_ids)) slot.stop_ids[slot.stop_count++] = uint32_t(id);
  tables_.set_slot(request.slot, slot);
  sampling_[request.slot] = true;
  LK_TRY(tables_.upload_slot(*uploader_, {control_.get(), 0, tables_.words() * 4}, request.slot));
  if (s.repeat_penalty == 1) return Done{};
  std::vector<uint32_t> seen(words);
  for (int32_t token : conversation.tokens)
    if (token >= 0) seen[size_t(token) / 32] |= 1u << (token % 32);
  return uploader_->write({seen_.get(), uint64_t(slot.history) * 4, words * 4ull}, std::as_bytes(std::span(seen)));
}

int32_t SessionState::sampled_token(uint32_t slot, uint32_t number) const {
  int32_t token;
  std::memcpy(&token, tokens_->mapped().data() + (slot * kRing + number % kRing) * 4, sizeof token);
  return token;
}

Status SessionState::set_logit_bias(Conversation& conversation, uint32_t slot, std::span<const float> bias) {
  if (!options_.logit_bias) return invalid("the session was made without logit_bias.");
  const uint64_t vocabulary = model_->config().vocabulary;
  if (!bias.empty() && bias.size() != vocabulary)
    return invalid(join("a logit bias has ", vocabulary, " values, ", counted_were(bias.size()), " given."));
  conversation.logit_bias.assign(bias.begin(), bias.end());
  if (bias.empty()) return Done{};
  return uploader_->write({bias_.get(), slot * vocabulary * 4, vocabulary * 4}, std::as_bytes(bias));
}

// --- save and restore ------------------------------------------------------------------------------------------------

namespace {

constexpr std::string_view kMagic = "LKSESSN2";

template <class T>
void put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
bool get(std::string_view& in, T& value) {
  if (in.size() < sizeof value) return false;
  std::memcpy(&value, in.data(), sizeof value);
  in.remove_prefix(sizeof value);
  return true;
}

}  // namespace

std::string SessionState::signature() const {
  const DecoderConfig& c = model_->config();
  std::string adapters;
  for (const auto& [adapter, scale] : options_.adapters)
    adapters += join(" + ", name(adapter->config.kind), " ", AdapterMemory::bytes(adapter->tensors), " x ", scale);
  return join(c.model_type, " ", c.layers, "x", c.hidden, " heads ", c.heads, "/", c.kv_heads, "x", c.head_dim,
              " vocabulary ", c.vocabulary, " weights ", model_->memory().weight_bytes, " cache ", name(options_.kv),
              c.factor
                  ? join(" factored ", options_.active ? options_.active : c.factor->active, "/", c.factor->experts)
                  : std::string(),
              adapters);
}

Result<std::string> SessionState::save(const Conversation& conversation) {
  if (!conversation.pictures.empty()) return unsupported("a conversation about a picture cannot be saved.");
  const uint32_t count = blocks_for(conversation.cached);
  LK_ASSIGN(const auto cache,
            cache_->read_blocks(model_->device(), {conversation.blocks.begin(), conversation.blocks.begin() + count}));
  const std::string sign = signature();
  std::string out(kMagic);
  put(out, uint64_t(sign.size()));
  out += sign;
  put(out, uint64_t(conversation.tokens.size()));
  for (int32_t token : conversation.tokens) put(out, token);
  put(out, uint64_t(conversation.sampled));
  put(out, conversation.adapters);
  put(out, uint64_t(conversation.feeds.size()));
  for (const Feed& feed : conversation.feeds) put(out, feed);
  put(out, uint64_t(cache.size()));
  out.append(reinterpret_cast<const char*>(cache.data()), cache.size());
  return out;
}

Status SessionState::restore(std::vector<Conversation>& conversations, uint32_t slot, std::string_view in) {
  const Error broken = corrupt("the saved conversation is damaged.");
  if (!in.starts_with(kMagic)) return corrupt("these bytes are not a saved conversation.");
  in.remove_prefix(kMagic.size());
  uint64_t size = 0, sampled = 0, feeds = 0;
  if (!get(in, size) || size > in.size()) return broken;
  if (in.substr(0, size) != signature())
    return invalid(join("the conversation was saved with another model or cache: \"", in.substr(0, size),
                        "\", this is \"", signature(), "\"."));
  in.remove_prefix(size);
  Conversation loaded;
  const uint32_t vocabulary = model_->config().vocabulary;
  if (!get(in, size) || size > in.size() / 4 || int64_t(size) > context_) return broken;
  loaded.tokens.resize(size);
  for (int32_t& token : loaded.tokens)
    if (!get(in, token) || token < 0 || uint32_t(token) >= vocabulary) return broken;
  if (!get(in, sampled) || !get(in, loaded.adapters) || !get(in, feeds) || feeds > in.size() / sizeof(Feed))
    return broken;
  loaded.sampled = uint32_t(sampled);
  for (uint64_t i = 0; i < feeds; ++i) {
    Feed feed;
    const bool known = get(in, feed) && std::find(std::begin(kRungs), std::end(kRungs), feed.rung) != std::end(kRungs);
    if (!known || feed.count < 1 || feed.count > feed.rung || feed.times < 1 || feed.times > context_) return broken;
    loaded.feeds.push_back(feed);
    loaded.cached += feed.count * feed.times;
    if (loaded.cached > int64_t(loaded.tokens.size())) return broken;
  }
  const uint64_t expected = cache_->block_bytes() * blocks_for(loaded.cached) * 2 * model_->config().layers;
  if (!get(in, size) || size != in.size() || size != expected) return broken;
  conversations[slot] = std::move(loaded);
  LK_TRY(reserve(conversations, slot, conversations[slot].cached));
  return cache_->write_blocks(model_->device(), conversations[slot].blocks, std::as_bytes(std::span(in)));
}

}  // namespace lorikeet
