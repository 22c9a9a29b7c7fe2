// Whether a PDF is accessible by PDF/UA-1, as veraPDF judges it: the failed rules, one a line. Argument: the file.

import java.io.FileInputStream;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.ValidationResult;

public class Vera {
    public static void main(String[] given) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        try (PDFAParser parser = Foundries.defaultInstance().createParser(new FileInputStream(given[0]), PDFAFlavour.PDFUA_1)) {
            ValidationResult found = Foundries.defaultInstance().createValidator(PDFAFlavour.PDFUA_1, false).validate(parser);
            System.out.println("checked " + found.getTotalAssertions() + " compliant " + found.isCompliant());
            found.getTestAssertions().forEach(one -> System.out.println(one.getRuleId() + " " + one.getMessage()));
        }
    }
}
