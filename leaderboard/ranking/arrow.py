"""Symmetric positive definite systems in which every lab has parameters of its own: an arrow of blocks.

    H = ( H_00  H_01' ... H_0G' )      K0 shared parameters; G labs with B parameters each, which meet those of
        ( H_01  H_11            )      other labs only through the shared ones.
        ( ...         ...       )
        ( H_0G           H_GG   )

Eliminating lab by lab leaves the Schur complement of size K0, so that 30 labs cost hardly more than one.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from leaderboard.ranking.comparisons import FloatArray


@dataclass(frozen=True, eq=False)
class Arrow:
    """shared: (K0, K0). cross: (G, B, K0). labs: (G, B, B)."""

    shared: FloatArray
    cross: FloatArray
    labs: FloatArray

    def factor(self) -> "Factor":
        """Raises scipy.linalg.LinAlgError where H is not positive definite."""
        lower = np.linalg.cholesky(self.labs).astype(np.float64, copy=False)
        Z = np.empty_like(self.cross)
        for g, L in enumerate(lower):
            Z[g] = linalg.solve_triangular(L, self.cross[g], lower=True, check_finite=False)
        stacked = Z.reshape(-1, self.shared.shape[0])
        R = linalg.cholesky(self.shared - stacked.T @ stacked, lower=False, check_finite=False)
        return Factor(lower, Z, R)

    def without(self, kept: slice) -> "Arrow":
        """Only these parameters of each lab, the others held."""
        return Arrow(self.shared, self.cross[:, kept], self.labs[:, kept, kept])


@dataclass(frozen=True, eq=False)
class Factor:
    """lower: (G, B, B) Cholesky factors of the labs' blocks. Z: (G, B, K0) = lower^-1 cross. R: (K0, K0), upper, with
    R' R the Schur complement."""

    lower: FloatArray
    Z: FloatArray
    R: FloatArray

    def solve(self, shared: FloatArray, labs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """H^-1 of a vector: (K0,) and (G, B) in and out."""
        y = np.stack([linalg.solve_triangular(L, v, lower=True) for L, v in zip(self.lower, labs, strict=True)])
        x = self._solve_schur(shared - np.einsum("gbk,gb->k", self.Z, y))
        rest = y - self.Z @ x
        own = [linalg.solve_triangular(L, v, lower=True, trans=1) for L, v in zip(self.lower, rest, strict=True)]
        return x, np.stack(own)

    def solve_shared(self, shared: FloatArray, labs: FloatArray) -> FloatArray:
        """The shared part of H^-1 of r vectors: (r, K0) and (r, G, B) in, (r, K0) out."""
        rest = shared.copy()
        for g, L in enumerate(self.lower):
            if labs[:, g].any():
                rest -= linalg.solve_triangular(L, labs[:, g].T, lower=True).T @ self.Z[g]
        solved: FloatArray = self._solve_schur(rest.T).T
        return solved

    def shared_covariance(self) -> FloatArray:
        """(K0, K0) block of H^-1."""
        inverse, status = linalg.lapack.dpotri(self.R, lower=False)
        assert status == 0
        symmetric: FloatArray = np.triu(inverse) + np.triu(inverse, 1).T
        return symmetric

    def shared_variances(self) -> FloatArray:
        """(K0,) of the diagonal of H^-1."""
        inverse, status = linalg.lapack.dtrtri(self.R, lower=False)
        assert status == 0
        variances: FloatArray = np.einsum("ij,ij->i", inverse, inverse)
        return variances

    def lab_variances(self) -> FloatArray:
        """(G, B) of the diagonal of H^-1: of L^-T (I + Z S^-1 Z') L^-1 in each lab."""
        G, B, K0 = self.Z.shape
        U = linalg.solve_triangular(self.R, self.Z.reshape(-1, K0).T, trans=1, check_finite=False)
        variances = np.empty((G, B))
        for g, L in enumerate(self.lower):
            own = U[:, g * B : (g + 1) * B]
            inverse = linalg.solve_triangular(L, np.eye(B), lower=True)
            variances[g] = np.einsum("ij,ik,kj->j", inverse, np.eye(B) + own.T @ own, inverse, optimize=True)
        return variances

    def _solve_schur(self, b: FloatArray) -> FloatArray:
        solved: FloatArray = linalg.cho_solve((self.R, False), b, check_finite=False)
        return solved
