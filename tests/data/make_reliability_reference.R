# Write what psych computes on the two SIMULATED rating studies: Rscript this from tests/data.
# psych fits lme4's x ~ 1 + (1 | image) + (1 | participant), so that ratings may be missing.
suppressMessages({library(psych); library(lme4)})
out <- NULL
for (name in c("SIMULATED_acr", "SIMULATED_slider_missing")) {
  long <- read.csv(paste0(name, ".csv"), colClasses = c(participant = "character"))
  wide <- tapply(long$rating, list(long$image, long$participant), mean)
  found <- ICC(wide)$results
  out <- rbind(out, data.frame(table = name, measure = found$type, value = found$ICC,
                               low = found$`lower bound`, high = found$`upper bound`))
  fit <- as.data.frame(VarCorr(lmer(rating ~ 1 + (1 | image) + (1 | participant), long)))
  out <- rbind(out, data.frame(table = name, measure = paste("variance", fit$grp),
                               value = fit$vcov, low = NA, high = NA))
}
header <- sprintf("# R %s, psych %s, lme4 %s", getRversion(), packageVersion("psych"),
                  packageVersion("lme4"))
writeLines(header, "psych_reference.csv")
suppressWarnings(write.table(format(out, digits = 12, trim = TRUE), "psych_reference.csv",
                             append = TRUE, sep = ",", quote = FALSE, row.names = FALSE))
