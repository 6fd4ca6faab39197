// Pictures of conversations, and how they were routed.
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "frontend/api/handles.h"
#include "frontend/generation.h"
#include "frontend/image/picture.h"
#include "frontend/routing_report.h"
#include "frontend/viewer.h"
#include "runtime/base/counted.h"

using namespace lorikeet;
using namespace lorikeet::api;

namespace {

// Picture number `index` of an array whose elements are as large as the caller's struct is.
Result<lk_picture> picture_at(const lk_picture* pictures, size_t index) {
  size_t stride = 0;
  std::memcpy(&stride, pictures, sizeof stride);
  const auto* bytes = reinterpret_cast<const unsigned char*>(pictures) + index * stride;
  return read_options(reinterpret_cast<const lk_picture*>(bytes), "lk_picture");
}

Result<Picture> decode(const lk_picture& given, AlphaPolicy of_model, const std::string& name) {
  if (given.alpha < LK_ALPHA_OF_MODEL || given.alpha > LK_ALPHA_BLEND)
    return invalid(join("alpha of ", name, " is ", given.alpha, ", expected one of lk_alpha."));
  const PictureOptions options{.alpha = given.alpha == LK_ALPHA_OF_MODEL ? of_model
                                        : given.alpha == LK_ALPHA_BLEND  ? AlphaPolicy::blend
                                                                         : AlphaPolicy::drop,
                               .exif = given.keep_orientation == 0};
  if (!given.file == !given.rgb) return invalid(join(name, " needs either a file or pixels in rgb."));
  if (given.file) return decode_picture({static_cast<const std::byte*>(given.file), given.file_size}, options, name);
  const uint64_t pixels = uint64_t(given.width) * given.height;
  if (pixels == 0)
    return invalid(join(name, " is ", given.width, " x ", given.height, " pixels large: at least one is needed."));
  if (pixels > options.max_pixels)
    return unsupported(join(name, " has ", pixels, " pixels, at most ", options.max_pixels, " are read."));
  return Picture{int(given.width), int(given.height), {given.rgb, given.rgb + pixels * 3}};
}

Result<const PictureRouting*> routing_of(const lk_session& session, uint32_t slot, size_t picture) {
  LK_TRY(need_slot(session, slot));
  const std::vector<PictureRouting>& all = session.session.routings(slot);
  if (picture < all.size()) return &all[picture];
  return not_found(join("picture ", picture, " of slot ", slot, " was not routed, ", counted_were(all.size()), "."));
}

std::string json_text(const PictureRouting& routing, const std::vector<std::string>& tokens) {
  return routing_json(routing, tokens).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

using Write = std::string (*)(const PictureRouting& routing, const std::vector<std::string>& tokens);

Status write_text(const lk_session& session, uint32_t slot, size_t picture, Write write, char** text) {
  *text = nullptr;
  LK_ASSIGN(const PictureRouting* routing, routing_of(session, slot, picture));
  LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(session.parent->model));
  return copy_text(write(*routing, token_texts(*tokenizer, routing->text)), text);
}

}  // namespace

namespace lorikeet::api {

Status set_pictures(lk_session& session, uint32_t slot, const lk_picture* pictures, size_t count) {
  LK_TRY(need_slot(session, slot));
  if (count > 0) LK_TRY(need("lk_session_set_pictures", {pictures}));
  if (count > 1 && session.multi_image == MultiImage::refuse)
    return invalid(join("the model is made for one picture a conversation, ", count,
                        " were given; lk_session_options.multi_image says what to do with the others."));
  std::vector<Pixels> all;
  for (size_t i = 0; i < count; ++i) {
    LK_ASSIGN(const lk_picture given, picture_at(pictures, i));
    LK_ASSIGN(const PictureConfig* config, need_picture(session.parent->model));
    LK_ASSIGN(const Picture picture, decode(given, config->preprocess.alpha, join("picture ", i)));
    LK_ASSIGN(Pixels pixels, see_pixels(session.parent->model, picture));
    all.push_back(std::move(pixels));
  }
  LK_TRY(session.session.set_pictures(slot, all));  // what is wrong shows before anything is forgotten
  session.session.clear(slot);
  return session.session.set_pictures(slot, std::move(all));
}

}  // namespace lorikeet::api

lk_status lk_session_set_pictures(lk_session* session, uint32_t slot, const lk_picture* pictures, size_t count) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_set_pictures", {session}));
    return set_pictures(*session, slot, pictures, count);
  });
}

lk_status lk_session_get_routing(const lk_session* session, uint32_t slot, size_t picture, lk_routing* routing) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_get_routing", {session, routing}));
    LK_ASSIGN(const PictureRouting* r, routing_of(*session, slot, picture));
    lk_routing out{sizeof out, r->text.size(), r->probabilities.size()};
    out.tokens = r->text.data();
    if (out.expert_count > 0) {
      out.attention = r->attention.data();
      out.probabilities = r->probabilities.data();
      out.weights = r->weights.data();
      out.expert_ms = r->expert_ms.data();
    }
    out.entropy = r->entropy;
    out.reused = r->reused;
    out.vision_ms = r->vision_ms;
    out.experts_ms = r->experts_ms;
    return write_struct(out, routing, "lk_routing");
  });
}

lk_status lk_session_routing_json(const lk_session* session, uint32_t slot, size_t picture, char** text) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_routing_json", {session, text}));
    return write_text(*session, slot, picture, json_text, text);
  });
}

lk_status lk_session_routing_svg(const lk_session* session, uint32_t slot, size_t picture, char** text) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_routing_svg", {session, text}));
    return write_text(*session, slot, picture, routing_svg, text);
  });
}
