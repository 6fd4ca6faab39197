#include "tools/picture_options.h"

#include "frontend/routing_report.h"
#include "runtime/base/file.h"
#include "tools/terminal.h"

namespace lorikeet::tool {

void PictureOptions::add(CLI::App& command) {
  command
      .add_option("--exif", exif,
                  "off: a JPEG stays as its pixels lie, as published, instead of upright. Example: --exif off")
      ->option_text("on|off")
      ->check(CLI::IsMember({"on", "off"}));
  command
      .add_option("--alpha", alpha,
                  "What transparency becomes: dropped, as published, or blended over white; by default as the model\n"
                  "says. Example: --alpha blend")
      ->option_text("drop|blend")
      ->check(CLI::IsMember({"drop", "blend"}));
  command
      .add_option("--multi-image", multi,
                  "Several pictures: refuse them, give all but the first as zeros (as published), or route each.\n"
                  "Example: --multi-image each")
      ->option_text("refuse|zeros|each")
      ->check(CLI::IsMember({"refuse", "zeros", "each"}));
  command
      .add_option("--expert-policy", policy,
                  "Which visual experts work: dense (all, as published), top-k:K, top-p:P, min-weight:W;\n"
                  "\",renormalise\" may follow. Example: --expert-policy top-k:2")
      ->option_text("POLICY");
  command.add_flag("--experts", experts, "Shows how the picture was routed. Example: --experts");
  command.add_option("--experts-svg", svg, "Draws how the picture was routed. Example: --experts-svg routing.svg")
      ->option_text("FILE");
}

Status PictureOptions::apply(SessionOptions& session, size_t pictures) const {
  LK_ASSIGN(session.routing, parse_policy(policy));
  session.multi_image = multi == "zeros" ? MultiImage::zeros : multi == "each" ? MultiImage::each : MultiImage::refuse;
  if (session.multi_image == MultiImage::each) session.pictures = uint32_t(std::max<size_t>(pictures, 1));
  return Done{};
}

Result<std::vector<Pixels>> PictureOptions::read(const Model& model, const std::vector<std::string>& files) const {
  std::vector<Pixels> pictures;
  for (const std::string& file : files) {
    LK_ASSIGN(const PictureConfig* config, need_picture(model));
    const AlphaPolicy policy = alpha_policy(alpha).value_or(config->preprocess.alpha);
    LK_ASSIGN(const Picture picture, read_picture(file, {.alpha = policy, .exif = exif == "on"}));
    LK_ASSIGN(Pixels pixels, see_pixels(model, picture));
    pictures.push_back(std::move(pixels));
  }
  return pictures;
}

nlohmann::ordered_json PictureOptions::routing(const Model& model, const Session& session) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const PictureRouting& routed : session.routings(0))
    all.push_back(routing_json(routed, token_texts(*model.tokenizer(), routed.text)));
  return all;
}

Status PictureOptions::report(const Model& model, const Session& session) const {
  if (!experts && svg.empty()) return Done{};
  for (const PictureRouting& routing : session.routings(0)) {
    if (routing.probabilities.empty()) continue;  // a model whose experts are switched off
    const std::vector<std::string> tokens = token_texts(*model.tokenizer(), routing.text);
    if (experts) say(routing_bars(routing, tokens));
    if (!svg.empty()) LK_TRY(write_whole(svg, routing_svg(routing, tokens)));
  }
  return Done{};
}

}  // namespace lorikeet::tool
