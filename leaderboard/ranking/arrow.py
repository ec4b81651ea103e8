"""Symmetric positive definite systems in which every lab has parameters of its own: an arrow of blocks.

    H = ( H_00  H_01' ... H_0G' )      K0 shared parameters; G labs with B parameters each, which meet those of
        ( H_01  H_11            )      other labs only through the shared ones.
        ( ...         ...       )
        ( H_0G           H_GG   )

Eliminating lab by lab leaves the Schur complement of size K0, so that 30 labs cost hardly more than one.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg

from leaderboard.ranking.comparisons import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Arrow:
    """shared: (K0, K0). cross: (G, B, K0). labs: (G, B, B)."""

    shared: FloatArray
    cross: FloatArray
    labs: FloatArray

    def factor(self) -> "Factor":
        """Raises scipy.linalg.LinAlgError where H is not positive definite."""
        inverse = np.stack([_inverse(L) for L in np.linalg.cholesky(self.labs)])
        Z = inverse @ self.cross
        stacked = Z.reshape(-1, self.shared.shape[0])
        schur = linalg.blas.dsyrk(-1.0, stacked.T, beta=1.0, c=self.shared.T)
        R, status = linalg.lapack.dpotrf(schur, lower=False, clean=True, overwrite_a=True)
        if status:
            raise linalg.LinAlgError("The Schur complement is not positive definite.")
        return Factor(inverse, Z, R)

    def without(self, kept: slice) -> "Arrow":
        """Only these parameters of each lab, the others held."""
        return Arrow(self.shared, self.cross[:, kept], self.labs[:, kept, kept])


@dataclass(frozen=True, eq=False)
class Factor:
    """inverse: (G, B, B), of the lower Cholesky factors of the labs' blocks. Z: (G, B, K0) = inverse cross. R: (K0,
    K0), upper, with R' R the Schur complement."""

    inverse: FloatArray
    Z: FloatArray
    R: FloatArray

    def solve(self, shared: FloatArray, labs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """H^-1 of a vector: (K0,) and (G, B) in and out."""
        y = (self.inverse @ labs[..., None])[..., 0]
        x = self._solve_schur(shared - y.ravel() @ self._stacked)
        own = np.swapaxes(self.inverse, 1, 2) @ (y - self.Z @ x)[..., None]
        return x, own[..., 0]

    def solve_shared(
        self, shared: FloatArray, labs: FloatArray, *, group: IntArray, lab: IntArray, groups: int
    ) -> FloatArray:
        """(groups, K0) the shared part of H^-1 of as many vectors, each the sum of its parts.

        A part belongs to one group and one lab: shared (r, K0) and labs (r, B) of r parts, group and lab (r,).
        """
        y = (self.inverse[lab] @ labs[..., None])[..., 0]
        rest = shared - (y[:, None] @ self.Z[lab])[:, 0]
        summed = np.zeros((groups, shared.shape[1]))
        np.add.at(summed, group, rest)
        solved: FloatArray = self._solve_schur(summed.T).T
        return solved

    def shared_covariance(self) -> FloatArray:
        """(K0, K0) block of H^-1."""
        upper, status = linalg.lapack.dpotri(self.R, lower=False)
        assert status == 0
        symmetric: FloatArray = np.triu(upper) + np.triu(upper, 1).T
        return symmetric

    def shared_variances(self) -> FloatArray:
        """(K0,) of the diagonal of H^-1."""
        inverse, status = linalg.lapack.dtrtri(self.R, lower=False)
        assert status == 0
        variances: FloatArray = np.einsum("ij,ij->i", inverse, inverse)
        return variances

    def lab_variances(self, kept: slice = slice(None)) -> FloatArray:
        """(G, B) of the diagonal of H^-1, or these of the B: of L^-T (I + Z S^-1 Z') L^-1 in each lab."""
        inverse = self.inverse[:, :, kept]
        own = np.swapaxes(inverse, 1, 2) @ self.Z
        solved = linalg.blas.dtrsm(1.0, self.R, own.reshape(-1, own.shape[2]).T, trans_a=True)
        shared = np.einsum("ij,ij->j", solved, solved).reshape(own.shape[:2])
        variances: FloatArray = np.einsum("gij,gij->gj", inverse, inverse) + shared
        return variances

    @cached_property
    def _stacked(self) -> FloatArray:
        """(G B, K0)"""
        return self.Z.reshape(-1, self.Z.shape[2])

    def _solve_schur(self, b: FloatArray) -> FloatArray:
        solved, status = linalg.lapack.dpotrs(self.R, b, lower=False)
        assert status == 0
        vector: FloatArray = solved.reshape(b.shape)
        return vector


def _inverse(lower: FloatArray) -> FloatArray:
    inverse, status = linalg.lapack.dtrtri(lower, lower=True)
    assert status == 0
    triangle: FloatArray = inverse
    return triangle
