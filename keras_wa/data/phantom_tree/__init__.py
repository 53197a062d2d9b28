"""Writes phantom mammograms as a DICOM tree like CBIS-DDSM's."""
