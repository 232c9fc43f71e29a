"""The works that a manuscript cites: keys as they stand in the text, entries in APA style."""

from __future__ import annotations

from collections.abc import Iterable

REFERENCES = {
    "Bjøntegaard, 2001": "Bjøntegaard, G. (2001). *Calculation of average PSNR differences between "
    "RD-curves* (VCEG-M33). ITU-T Video Coding Experts Group.",
    "Cameron et al., 2011": "Cameron, A. C., Gelbach, J. B., & Miller, D. L. (2011). Robust "
    "inference with multiway clustering. *Journal of Business & Economic Statistics, 29*(2), "
    "238–249.",
    "Clarke & Tatler, 2014": "Clarke, A. D. F., & Tatler, B. W. (2014). Deriving an appropriate "
    "baseline for describing fixation behaviour. *Vision Research, 102*, 41–51.",
    "Frazor & Geisler, 2006": "Frazor, R. A., & Geisler, W. S. (2006). Local luminance and "
    "contrast in natural images. *Vision Research, 46*(10), 1585–1598.",
    "Holm, 1979": "Holm, S. (1979). A simple sequentially rejective multiple test procedure. "
    "*Scandinavian Journal of Statistics, 6*(2), 65–70.",
    "Hou & Zhang, 2007": "Hou, X., & Zhang, L. (2007). Saliency detection: A spectral residual "
    "approach. *IEEE Conference on Computer Vision and Pattern Recognition*, 1–8.",
    "Judd et al., 2012": "Judd, C. M., Westfall, J., & Kenny, D. A. (2012). Treating stimuli as a "
    "random factor in social psychology: A new and comprehensive solution to a pervasive but "
    "largely ignored problem. *Journal of Personality and Social Psychology, 103*(1), 54–69.",
    "Liddell & Kruschke, 2018": "Liddell, T. M., & Kruschke, J. K. (2018). Analyzing ordinal data "
    "with metric models: What could possibly go wrong? *Journal of Experimental Social "
    "Psychology, 79*, 328–348.",
    "Miller, 1974": "Miller, R. G. (1974). The jackknife—a review. *Biometrika, 61*(1), 1–15.",
    "Owen, 2007": "Owen, A. B. (2007). The pigeonhole bootstrap. *The Annals of Applied "
    "Statistics, 1*(2), 386–411.",
    "Peirce et al., 2019": "Peirce, J., Gray, J. R., Simpson, S., MacAskill, M., Höchenberger, "
    "R., Sogo, H., Kastman, E., & Lindeløv, J. K. (2019). PsychoPy2: Experiments in behavior "
    "made easy. *Behavior Research Methods, 51*(1), 195–203.",
    "Satterthwaite, 1946": "Satterthwaite, F. E. (1946). An approximate distribution of estimates "
    "of variance components. *Biometrics Bulletin, 2*(6), 110–114.",
    "Schuirmann, 1987": "Schuirmann, D. J. (1987). A comparison of the two one-sided tests "
    "procedure and the power approach for assessing the equivalence of average bioavailability. "
    "*Journal of Pharmacokinetics and Biopharmaceutics, 15*(6), 657–680.",
    "Spearman, 1904": "Spearman, C. (1904). The proof and measurement of association between two "
    "things. *The American Journal of Psychology, 15*(1), 72–101.",
    "Tan & Le, 2019": "Tan, M., & Le, Q. V. (2019). EfficientNet: Rethinking model scaling for "
    "convolutional neural networks. *Proceedings of Machine Learning Research, 97*, 6105–6114.",
    "Thurstone, 1927": "Thurstone, L. L. (1927). A law of comparative judgment. *Psychological "
    "Review, 34*(4), 273–286.",
    "Wang et al., 2004": "Wang, Z., Bovik, A. C., Sheikh, H. R., & Simoncelli, E. P. (2004). Image "
    "quality assessment: From error visibility to structural similarity. *IEEE Transactions on "
    "Image Processing, 13*(4), 600–612.",
    "Westfall et al., 2014": "Westfall, J., Kenny, D. A., & Judd, C. M. (2014). Statistical power "
    "and optimal design in experiments in which samples of participants respond to samples of "
    "stimuli. *Journal of Experimental Psychology: General, 143*(5), 2020–2045.",
    "Wilson, 1927": "Wilson, E. B. (1927). Probable inference, the law of succession, and "
    "statistical inference. *Journal of the American Statistical Association, 22*(158), 209–212.",
    "Zou, 2007": "Zou, G. Y. (2007). Toward using confidence intervals to compare correlations. "
    "*Psychological Methods, 12*(4), 399–413.",
}
"""Citation as it stands in the text, and its entry."""


def cited(paragraphs: Iterable[str]) -> list[str]:
    """Return the entries of all works that the paragraphs cite, in alphabetical order."""
    text = " ".join(paragraphs)
    return [entry for key, entry in REFERENCES.items() if key in text]
