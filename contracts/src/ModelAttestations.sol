// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IModelAttestations} from "./interfaces/IModelAttestations.sol";

/// @title ModelAttestations
/// @notice See IModelAttestations: the part of ModelRegistry that nothing else depends on.
abstract contract ModelAttestations is IModelAttestations, EIP712 {
    bytes32 private constant ATTESTATION_TYPEHASH =
        keccak256("Attestation(bytes32 modelId,bytes32 statementHash,address attester,uint256 nonce,uint256 deadline)");

    mapping(bytes32 modelId => Attestation[]) private _list;
    /// @dev Place in the list plus one; 0: never attested.
    mapping(bytes32 modelId => mapping(address attester => uint256)) private _place;
    mapping(address attester => uint256) private _nonce;

    /// @inheritdoc IModelAttestations
    function attest(bytes32 modelId, bytes32 statementHash) external {
        _attest(modelId, statementHash, msg.sender);
    }

    /// @inheritdoc IModelAttestations
    /// @dev The nonce is used before a contract is asked about its signature.
    function attestBySig(
        bytes32 modelId,
        bytes32 statementHash,
        address attester,
        uint256 deadline,
        bytes calldata signature
    ) external {
        if (block.timestamp > deadline) revert SignatureExpired(deadline, block.timestamp);
        uint256 nonce = _useNonce(attester);
        bytes32 digest = attestationDigest(modelId, statementHash, attester, nonce, deadline);
        if (!SignatureChecker.isValidSignatureNow(attester, digest, signature)) {
            revert BadAttestationSignature(attester);
        }
        _attest(modelId, statementHash, attester);
    }

    /// @inheritdoc IModelAttestations
    function revokeAttestation(bytes32 modelId) external {
        uint256 place = _place[modelId][msg.sender];
        if (place == 0 || _list[modelId][place - 1].revokedAt != 0) revert NotAttested(modelId, msg.sender);
        _list[modelId][place - 1].revokedAt = uint40(block.timestamp);
        emit AttestationRevoked(modelId, msg.sender);
    }

    /// @inheritdoc IModelAttestations
    function voidSignature() external {
        _useNonce(msg.sender);
    }

    /// @inheritdoc IModelAttestations
    function attestationOf(bytes32 modelId, address attester) external view returns (Attestation memory found) {
        uint256 place = _place[modelId][attester];
        if (place != 0) found = _list[modelId][place - 1];
    }

    /// @inheritdoc IModelAttestations
    function attestationCount(bytes32 modelId) external view returns (uint256) {
        return _list[modelId].length;
    }

    /// @inheritdoc IModelAttestations
    function attestations(bytes32 modelId, uint256 from, uint256 limit)
        external
        view
        returns (Attestation[] memory page)
    {
        Attestation[] storage list = _list[modelId];
        uint256 left = from < list.length ? list.length - from : 0;
        page = new Attestation[](limit < left ? limit : left);
        for (uint256 i = 0; i < page.length; ++i) {
            page[i] = list[from + i];
        }
    }

    /// @inheritdoc IModelAttestations
    function attestationNonce(address attester) external view returns (uint256) {
        return _nonce[attester];
    }

    /// @inheritdoc IModelAttestations
    function attestationDigest(
        bytes32 modelId,
        bytes32 statementHash,
        address attester,
        uint256 nonce,
        uint256 deadline
    ) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(abi.encode(ATTESTATION_TYPEHASH, modelId, statementHash, attester, nonce, deadline))
        );
    }

    /// @dev Reverts unless `modelId` is registered.
    function _requireModel(bytes32 modelId) internal view virtual;

    function _attest(bytes32 modelId, bytes32 statementHash, address attester) private {
        _requireModel(modelId);
        Attestation[] storage list = _list[modelId];
        uint256 place = _place[modelId][attester];
        if (place == 0) {
            list.push();
            place = list.length;
            _place[modelId][attester] = place;
        } else if (list[place - 1].revokedAt == 0) {
            revert AlreadyAttested(modelId, attester);
        }
        list[place - 1] = Attestation({
            attester: attester, attestedAt: uint40(block.timestamp), revokedAt: 0, statementHash: statementHash
        });
        emit Attested(modelId, attester, statementHash);
    }

    function _useNonce(address attester) private returns (uint256 nonce) {
        nonce = _nonce[attester]++;
        emit NonceUsed(attester, nonce + 1);
    }
}
